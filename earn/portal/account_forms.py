"""allauth's forms where they say something that cannot be translated."""

from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm
from django import forms
from django.utils.translation import gettext_lazy


class AddKeyForm(AddWebAuthnForm):  # type: ignore[misc]
    name = forms.CharField(label=gettext_lazy("Name"), required=False)


class RenameKeyForm(EditWebAuthnForm):  # type: ignore[misc]
    name = forms.CharField(label=gettext_lazy("Name"))
