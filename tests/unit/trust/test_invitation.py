"""Invitations: typed without mistakes, the same authority for all who have one."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from modelnet.core.error import SettingsError
from modelnet.trust.invitation import Invitation, authority_fingerprint, issue
from modelnet.trust.key import NodeKey

NOW = 1_800_000_000.0
ALICE, BOB = NodeKey.from_seed(bytes([1]) * 32), NodeKey.from_seed(bytes([2]) * 32)
LAB = Invitation("lab", bytes(range(32)))


def certificate_of(pem):
    return x509.load_pem_x509_certificate(pem.encode())


@given(
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", fullmatch=True),
    st.binary(min_size=32, max_size=32),
)
@settings(deadline=None)
def test_an_invitation_survives_being_copied(network, secret):
    invitation = Invitation(network, secret)
    assert Invitation.parse(f"  {invitation.text}\n") == invitation


def test_the_line_names_the_network_and_has_no_padding():
    assert LAB.text.startswith("modelnet-invite:lab:")
    assert len(LAB.text.split(":")[2]) == 48
    assert "=" not in LAB.text


def test_secrets_are_fresh_and_do_not_show():
    first, second = Invitation.create("lab"), Invitation.create("lab")
    assert first.secret != second.secret
    assert len(first.secret) == 32
    assert repr(first) == "Invitation(network='lab')"


@pytest.mark.parametrize("at", range(len(LAB.text)))
def test_every_mistyped_letter_is_noticed(at):
    wrong = "x" if LAB.text[at] != "x" else "y"
    with pytest.raises(SettingsError, match="incomplete or mistyped"):
        Invitation.parse(LAB.text[:at] + wrong + LAB.text[at + 1 :])


@pytest.mark.parametrize(
    "line", ["", "lab", LAB.text[:-1], LAB.text + "A", LAB.text.replace("lab", ""), LAB.text * 2]
)
def test_an_incomplete_line_is_refused_without_showing_it(line):
    with pytest.raises(SettingsError, match="copy the whole line") as refused:
        Invitation.parse(line)
    assert LAB.text.split(":")[2][:8] not in refused.value.message


@pytest.mark.parametrize("network", ["", "-lab", "a b", "a:b", "ü", "x" * 64, "lab\n"])
def test_a_network_needs_a_plain_name(network):
    with pytest.raises(SettingsError, match="cannot name a network"):
        Invitation.create(network)


def test_all_members_make_the_same_authority_and_others_another():
    one, two = issue(LAB, ALICE.node, now=NOW), issue(LAB, BOB.node, now=NOW + 10_000_000)
    assert one.ca_pem == two.ca_pem
    assert authority_fingerprint(Invitation.parse(LAB.text)) == authority_fingerprint(LAB)
    strangers = [Invitation("lab", bytes(32)), Invitation("lab2", LAB.secret)]
    assert len({authority_fingerprint(invitation) for invitation in [LAB, *strangers]}) == 3


def test_a_member_gets_a_certificate_of_its_own_signed_by_the_authority():
    credentials = issue(LAB, ALICE.node, now=NOW)
    authority = certificate_of(credentials.ca_pem)
    certificate = certificate_of(credentials.certificate_pem)
    certificate.verify_directly_issued_by(authority)
    (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert name.value == ALICE.node
    private = serialization.load_pem_private_key(credentials.private_key_pem.encode(), None)
    assert private.public_key() == certificate.public_key()
    assert private.public_key() != authority.public_key()


def test_a_certificate_lasts_a_year_and_forgives_a_clock_that_is_a_day_off():
    certificate = certificate_of(issue(LAB, ALICE.node, now=NOW).certificate_pem)
    assert certificate.not_valid_before_utc.timestamp() == NOW - 86_400
    assert certificate.not_valid_after_utc.timestamp() == NOW + 365 * 86_400


def test_a_certificate_serves_both_ends_and_signs_no_others():
    certificate = certificate_of(issue(LAB, ALICE.node, now=NOW).certificate_pem)
    extensions = certificate.extensions
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert len(list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)) == 2
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]


def test_credentials_do_not_show_the_private_key():
    assert repr(issue(LAB, ALICE.node, now=NOW)) == "Credentials(...)"
