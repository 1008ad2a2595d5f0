"""Django's, with room between a date and its time."""

TIME_FORMAT = "H:i"
DATETIME_FORMAT = "Y年n月j日 H:i"
