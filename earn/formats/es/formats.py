"""As Spanish banks and Unicode's CLDR write figures: 1.234,50."""

THOUSAND_SEPARATOR = "."
DATETIME_FORMAT = r"j \d\e F \d\e Y, H:i"
