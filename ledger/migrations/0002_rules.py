from django.db import migrations

from ledger.sql import sql

FILES = ["constraints", "legs", "triggers", "post", "days", "seal"]


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]
    operations = [migrations.RunSQL(sql(name)) for name in FILES]
