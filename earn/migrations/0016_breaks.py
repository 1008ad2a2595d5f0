import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models

import earn.models.fields
from earn.sql import sql


class Migration(migrations.Migration):
    dependencies = [
        ("earn", "0015_books"),
        ("ledger", "0004_journal_indexes"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="break",
            name="resolved_breaks_have_a_note_and_a_name",
        ),
        migrations.AddField(
            model_name="break",
            name="as_of",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="break",
            name="asset",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="ledger.asset",
            ),
        ),
        migrations.AddField(
            model_name="break",
            name="kind",
            field=models.TextField(
                choices=[
                    ("CUSTODY", "Custodian or venue"),
                    ("CONTROL", "Control account"),
                    ("PRINCIPAL", "Principal of a position"),
                ],
                default="CUSTODY",
            ),
        ),
        migrations.AddField(
            model_name="break",
            name="statement",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="breaks",
                to="earn.custodystatement",
            ),
        ),
        migrations.AddField(
            model_name="break",
            name="subject",
            field=models.TextField(null=True),
        ),
        migrations.AddField(
            model_name="custodyline",
            name="repeats",
            field=models.ForeignKey(
                db_index=False,
                help_text="The break that was open for the same difference already.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="repeats",
                to="earn.break",
            ),
        ),
        migrations.RunSQL("alter table earn_break disable trigger break_updated"),
        migrations.RunSQL(sql("breaks_of_lines")),
        migrations.RunSQL("set constraints all immediate"),
        migrations.RunSQL("alter table earn_break enable trigger break_updated"),
        migrations.RunSQL(sql("break_rules")),
        migrations.AlterField(
            model_name="break",
            name="as_of",
            field=models.DateTimeField(help_text="Moment of both figures."),
        ),
        migrations.AlterField(
            model_name="break",
            name="asset",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                to="ledger.asset",
            ),
        ),
        migrations.AlterField(
            model_name="break",
            name="subject",
            field=models.TextField(
                help_text="Account of the books; of a control account, also what it controls."
            ),
        ),
        migrations.AlterField(
            model_name="break",
            name="books",
            field=earn.models.fields.AmountField(
                decimal_places=18,
                help_text="What the books held when this was found.",
                max_digits=38,
            ),
        ),
        migrations.AlterField(
            model_name="break",
            name="line",
            field=models.OneToOneField(
                help_text="Empty where the statement says nothing of what the books hold.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="earn.custodyline",
            ),
        ),
        migrations.AlterField(
            model_name="reconciliation",
            name="by",
            field=models.ForeignKey(
                db_index=False,
                help_text="Empty where it was the nightly task.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="custodyline",
            index=models.Index(fields=["as_of"], name="custody_line_moment"),
        ),
        migrations.AddIndex(
            model_name="custodyline",
            index=models.Index(
                condition=models.Q(("repeats__isnull", False)),
                fields=["repeats", "-id"],
                name="custody_line_again",
            ),
        ),
        migrations.AddConstraint(
            model_name="break",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("note", ""), ("resolved_at", None), ("resolved_by", None)),
                    models.Q(
                        ("note__regex", "\\S"),
                        ("resolved_at__gte", models.F("opened_at")),
                        models.Q(
                            ("resolved_by__isnull", False), ("line", None), _connector="OR"
                        ),
                    ),
                    _connector="OR",
                ),
                name="resolved_breaks_have_a_note_and_a_name",
            ),
        ),
        migrations.AddConstraint(
            model_name="break",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "CUSTODY"), ("statement__isnull", False)),
                    models.Q(
                        models.Q(("kind", "CUSTODY"), _negated=True),
                        ("line", None),
                        ("statement", None),
                    ),
                    _connector="OR",
                ),
                name="breaks_with_custodians_have_a_statement",
            ),
        ),
        migrations.AddConstraint(
            model_name="break",
            constraint=models.UniqueConstraint(
                models.F("asset"),
                models.F("subject"),
                django.db.models.expressions.CombinedExpression(
                    models.F("stated"), "-", models.F("books")
                ),
                condition=models.Q(("kind", "CUSTODY"), ("resolved_at", None)),
                name="one_open_break_a_difference",
            ),
        ),
        migrations.AddConstraint(
            model_name="break",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    models.Q(("kind", "CUSTODY"), _negated=True), ("resolved_at", None)
                ),
                fields=("kind", "asset", "subject"),
                name="one_open_break_a_subject",
            ),
        ),
    ]
