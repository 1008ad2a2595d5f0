import django.db.models.deletion
import django.db.models.expressions
import earn.models.fields
from django.db import migrations, models

from earn.sql import sql


class Migration(migrations.Migration):
    dependencies = [
        ("earn", "0013_customers"),
        ("ledger", "0002_rules"),
    ]

    operations = [
        migrations.AlterField(
            model_name="operationlimit",
            name="operation",
            field=models.TextField(
                choices=[
                    ("DEPOSIT", "Deposit by hand"),
                    ("WITHDRAWAL", "Withdrawal by hand"),
                    ("ADJUSTMENT", "Adjustment of the books"),
                    ("REVERSAL", "Reversal of an entry"),
                    ("FREEZE", "Freeze of a customer"),
                    ("PRODUCT", "State of a product"),
                    ("RATES", "Rates of a product"),
                    ("TERMS", "Terms of a product"),
                    ("WIND_UP", "Winding up of a product"),
                    ("LIMIT", "Limit of an operation"),
                    ("VENUE", "Terms of a venue"),
                    ("DEPLOY", "Deployment of coins"),
                    ("RECALL", "Recall of deployed coins"),
                    ("YIELD", "Yield of deployed coins"),
                ]
            ),
        ),
        migrations.AlterField(
            model_name="proposal",
            name="operation",
            field=models.TextField(
                choices=[
                    ("DEPOSIT", "Deposit by hand"),
                    ("WITHDRAWAL", "Withdrawal by hand"),
                    ("ADJUSTMENT", "Adjustment of the books"),
                    ("REVERSAL", "Reversal of an entry"),
                    ("FREEZE", "Freeze of a customer"),
                    ("PRODUCT", "State of a product"),
                    ("RATES", "Rates of a product"),
                    ("TERMS", "Terms of a product"),
                    ("WIND_UP", "Winding up of a product"),
                    ("LIMIT", "Limit of an operation"),
                    ("VENUE", "Terms of a venue"),
                    ("DEPLOY", "Deployment of coins"),
                    ("RECALL", "Recall of deployed coins"),
                    ("YIELD", "Yield of deployed coins"),
                ]
            ),
        ),
        migrations.CreateModel(
            name="CheckRun",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("began_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField()),
                ("checks", models.SmallIntegerField()),
                ("violations", models.IntegerField()),
                (
                    "found",
                    models.JSONField(
                        default=list,
                        help_text="What was violated, with the first violations of each.",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("ended_at__gte", models.F("began_at"))),
                        name="check_runs_end_after_they_began",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("found", []), ("violations", 0)),
                            models.Q(
                                ("violations__gt", 0),
                                models.Q(("found", []), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="check_runs_count_what_they_found",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Venue",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("code", models.TextField(unique=True)),
                ("name", models.TextField()),
                (
                    "notice_days",
                    models.SmallIntegerField(
                        help_text="Days from asking for the coins until custody has them again."
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("code__regex", "^[a-z0-9][a-z0-9-]{0,39}$")),
                        name="venue_codes_name_accounts",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("name__regex", "\\S")),
                        name="venues_have_a_name",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("notice_days__gte", 0), ("notice_days__lte", 365)
                        ),
                        name="notice_of_a_venue_is_0_to_365_days",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Due",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("due_on", models.DateField()),
                (
                    "principal",
                    earn.models.fields.AmountField(decimal_places=18, max_digits=38),
                ),
                (
                    "interest",
                    earn.models.fields.AmountField(
                        decimal_places=18,
                        help_text="As expected; paid with the principal.",
                        max_digits=38,
                    ),
                ),
                (
                    "stays",
                    earn.models.fields.AmountField(
                        decimal_places=18,
                        help_text="Of both, what customers have asked to renew or move.",
                        max_digits=38,
                    ),
                ),
                (
                    "asset",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="ledger.asset",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("asset", "due_on"), name="one_due_a_morning"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("interest__gte", 0),
                            ("principal__gte", 0),
                            ("stays__gte", 0),
                            (
                                "stays__lte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("principal"), "+", models.F("interest")
                                ),
                            ),
                        ),
                        name="dues_hold_what_stays",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Outlook",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("day", models.DateField()),
                (
                    "flexible",
                    earn.models.fields.AmountField(
                        decimal_places=18,
                        help_text="What earned in flexible products on the day.",
                        max_digits=38,
                    ),
                ),
                (
                    "redeemed",
                    earn.models.fields.AmountField(
                        decimal_places=18,
                        help_text="What was redeemed of flexible products on the day.",
                        max_digits=38,
                    ),
                ),
                (
                    "paid_interest",
                    earn.models.fields.AmountField(
                        decimal_places=18,
                        help_text="Interest of the day in products that pay it out daily or monthly.",
                        max_digits=38,
                    ),
                ),
                (
                    "asset",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="ledger.asset",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("day", "asset"), name="one_outlook_a_day"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("flexible__gte", 0),
                            ("paid_interest__gte", 0),
                            ("redeemed__gte", 0),
                        ),
                        name="outlooks_are_not_negative",
                    ),
                ],
            },
        ),
        migrations.RunSQL(sql("liquidity")),
    ]
