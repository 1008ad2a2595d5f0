from django.db import migrations, models

from earn.sql import sql


class Migration(migrations.Migration):
    dependencies = [("earn", "0007_risk_texts")]
    operations = [
        migrations.RemoveConstraint("knowndevice", "one_row_a_device"),
        migrations.AddField(
            "knowndevice", "digest", models.BinaryField(null=True), preserve_default=False
        ),
        migrations.RunSQL(sql("devices"), migrations.RunSQL.noop),
        migrations.AlterField(
            "knowndevice",
            "digest",
            models.BinaryField(help_text="SHA-256 of the secret that the browser keeps."),
        ),
        migrations.AddConstraint(
            "knowndevice",
            models.UniqueConstraint(fields=["user", "digest"], name="one_row_a_device"),
        ),
    ]
