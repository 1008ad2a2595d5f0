"""Banks in China write 1,234.50; Django's has groups of four with nothing between."""

THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
