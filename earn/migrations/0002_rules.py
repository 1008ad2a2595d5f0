from django.db import migrations

from earn.sql import sql

FILES = ["constraints", "product_rules", "position_rules", "close", "accrue_chunk"]


class Migration(migrations.Migration):
    dependencies = [("earn", "0001_initial"), ("ledger", "0002_rules")]
    operations = [migrations.RunSQL(sql(name)) for name in FILES]
