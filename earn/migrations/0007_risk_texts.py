from django.db import migrations

from earn.sql import sql


class Migration(migrations.Migration):
    dependencies = [("earn", "0006_prices_known_at")]
    operations = [migrations.RunSQL(sql("risk_rules"))]
