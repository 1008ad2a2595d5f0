from django.db import migrations

from earn.sql import sql


class Migration(migrations.Migration):
    dependencies = [("earn", "0004_notifications")]
    operations = [migrations.RunSQL(sql("cache"), "drop table django_cache")]
