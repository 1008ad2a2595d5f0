import django.db.models.functions.datetime
from django.db import migrations, models

from earn.sql import sql


class Migration(migrations.Migration):
    dependencies = [("earn", "0005_cache")]

    operations = [
        migrations.AddField(
            model_name="price",
            name="recorded_at",
            field=models.DateTimeField(
                db_default=django.db.models.functions.datetime.Now(),
                help_text="By the database's clock; a trigger sets it.",
            ),
        ),
        migrations.RunSQL(sql("price_rules")),
    ]
