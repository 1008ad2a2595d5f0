from django.db import migrations

from earn.sql import sql


class Migration(migrations.Migration):
    dependencies = [
        ("earn", "0018_usual_amounts"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [migrations.RunSQL(sql("checker_rules"))]
