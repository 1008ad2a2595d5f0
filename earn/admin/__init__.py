"""What staff look at. Nothing of money is edited here."""

from django.contrib import admin

from earn.admin import closes, orders, people, positions, products

__all__ = ["closes", "orders", "people", "positions", "products"]

admin.site.site_header = "Earn"
admin.site.site_title = "Earn"
admin.site.index_title = "Books, products and jobs"
