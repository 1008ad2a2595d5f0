from django.db import migrations

from ledger.sql import sql


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_rules")]
    operations = [migrations.RunSQL(sql("texts"))]
