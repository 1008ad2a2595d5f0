"""Digits and marks as in CLDR's ar-AE: 1,234.50; and 24 hours a day."""

DECIMAL_SEPARATOR = "."
THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "j F Y، H:i"
DATE_FORMAT = "j F Y"
SHORT_DATETIME_FORMAT = "d‏/m‏/Y H:i"
