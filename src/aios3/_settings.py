"""One reading of the settings about S3, from arguments, environment and the profile's files, for both transports.

Both transports, presigning and the clients of botocore get what is read here, so that they cannot differ. Signing
credentials are resolved elsewhere. A variable that is empty counts as unset.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from aios3._config import ADDRESSING_STYLES, highest
from aios3._endpoint_url import check_endpoint
from aios3._profiles import read_profiles
from aios3.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aios3._config import AddressingStyle, Config
    from aios3._profiles import Profiles, Section

DEFAULT_ATTEMPTS = 5

ChecksumMode: TypeAlias = Literal["auto", "everywhere", "crc64nvme", "crc32", "off"]
"""Which checksums are sent: those of ``Config.checksums``, and ``everywhere`` for one to every server."""

_REGION = re.compile(r"(?![0-9]+\Z)(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
_WHEN = ("when_supported", "when_required")


class SettingValue(NamedTuple):
    """A setting that is not an argument, and where it was found."""

    value: str
    source: str


class CABundle(NamedTuple):
    """The verification of certificates: True for the system's authorities, False for none, or a file."""

    verify: bool | str
    source: str
    """Where it was set."""


class Checksums(NamedTuple):
    """The modes of checksums."""

    mode: ChecksumMode
    verify: bool
    """True if what is read is compared with the checksum that the server reports."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one profile."""

    profile: str | None
    """The name of the profile; None if it is not named."""
    endpoint_url: str | None
    """Where the server is; None: Amazon's endpoint, by botocore's rules."""
    region: str | None
    ca_bundle: CABundle
    max_attempts: int
    checksums: Checksums
    addressing_style: AddressingStyle
    stored: Section = field(repr=False)
    """The files' values for the profile, keys and secrets too."""
    region_source: str = "the default"
    """Where the region was set."""


def read_settings(config: Config, profile: str | None, environ: Mapping[str, str]) -> Settings:
    """Read what holds for ``profile``, None for the one that ``config`` or ``environ`` names. It reads small files.

    Raises ConfigError for a profile that does not exist, a file that is broken, and a value that cannot be.
    """
    files = read_profiles(environ)
    name, stored = _profile(files, profile or config.profile, environ)
    look = _SettingsLookup(environ, stored, f"the profile {name or 'default'!r}")
    region = _region(config, look)
    return Settings(
        name,
        _endpoint(config, look, files),
        region.value if region else None,
        _ca_bundle(config, look),
        _max_attempts(config, look),
        _checksums(config, look),
        _style(config, look),
        stored,
        region.source if region else "the default",
    )


def settings_of_arguments(config: Config) -> Settings:
    """Return what the arguments say by themselves, where nothing else is asked."""
    look = _SettingsLookup({}, {}, "")
    authorities, attempts = _ca_bundle(config, look), _max_attempts(config, look)
    checksums, style = _checksums(config, look), config.addressing_style
    return Settings(config.profile, config.endpoint_url, config.region, authorities, attempts, checksums, style, {})


def _profile(files: Profiles, argument: str | None, environ: Mapping[str, str]) -> tuple[str | None, Section]:
    candidates = (
        [(argument, "")] if argument else [(environ.get(name), name) for name in ("AWS_DEFAULT_PROFILE", "AWS_PROFILE")]
    )
    for name, source in candidates:
        if name:
            if name not in files.profiles:
                where = f" of {source}" if source else ""
                message = f"The profile {name!r}{where} is in neither of the files ~/.aws/config and ~/.aws/credentials"
                raise ConfigError(message)
            return name, files.profiles[name]
    return None, files.profiles.get("default", {})


@dataclass(frozen=True, slots=True)
class _SettingsLookup:
    """Where settings are looked for: the environment before the profile."""

    environ: Mapping[str, str]
    stored: Section
    profile: str

    def up(self, *variables: str, key: str) -> SettingValue | None:
        """Return the first of ``variables`` that is set, or ``key`` of the profile."""
        for name in variables:
            if value := self.environ.get(name):
                return SettingValue(value, name)
        return self.stored_text(self.stored, key, self.profile)

    def stored_text(self, section: Section, key: str, where: str) -> SettingValue | None:
        """Return ``key`` of a section of a file; one that has settings below it is rejected."""
        value = section.get(key)
        if value is None or value == "":
            return None
        source = f"{key} of {where}"
        if not isinstance(value, str):
            message = f"{source} must be one value, without settings below it"
            raise ConfigError(message)
        return SettingValue(value, source)


def _endpoint(config: Config, look: _SettingsLookup, files: Profiles) -> str | None:
    if config.endpoint_url is not None or _ignores_endpoints(look):
        return config.endpoint_url
    endpoint = next(_endpoints(look, files), None)
    if endpoint is None:
        return None
    check_endpoint(endpoint.value, endpoint.source)
    return endpoint.value


def _ignores_endpoints(look: _SettingsLookup) -> bool:
    name = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"
    value = look.environ.get(name, look.stored.get("ignore_configured_endpoint_urls"))
    return isinstance(value, str) and value.lower() == "true"


def _endpoints(look: _SettingsLookup, files: Profiles) -> Iterator[SettingValue]:
    """Offer the configured endpoints, the most particular first."""
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
        if value := look.environ.get(name):
            yield SettingValue(value, name)
    services = look.stored_text(look.stored, "services", look.profile)
    if services is not None:
        section = files.services.get(services.value)
        if not section:
            message = f"{services.source} is {services.value!r}, and there is no section [services {services.value}]"
            raise ConfigError(message)
        where = f"s3 in the section [services {services.value}]"
        if endpoint := look.stored_text(_below(section, where), "endpoint_url", where):
            yield endpoint
    if endpoint := look.stored_text(look.stored, "endpoint_url", look.profile):
        yield endpoint


def _region(config: Config, look: _SettingsLookup) -> SettingValue | None:
    argument = SettingValue(config.region, "region") if config.region else None
    setting = argument or look.up("AWS_REGION", "AWS_DEFAULT_REGION", key="region")
    if setting is None:
        return None
    if not _REGION.fullmatch(setting.value):
        message = f"{setting.source} must be the name of a region, such as 'eu-west-1', not {setting.value!r}"
        raise ConfigError(message)
    return setting


def _ca_bundle(config: Config, look: _SettingsLookup) -> CABundle:
    if config.verify is not True:
        return CABundle(config.verify, "verify")
    setting = look.up("AWS_CA_BUNDLE", key="ca_bundle")
    if setting is None and (value := look.environ.get("REQUESTS_CA_BUNDLE")):
        setting = SettingValue(value, "REQUESTS_CA_BUNDLE")
    return CABundle(verify=True, source="verify") if setting is None else CABundle(*setting)


def _max_attempts(config: Config, look: _SettingsLookup) -> int:
    if config.max_attempts is not None:
        return config.max_attempts
    setting = look.up("AWS_MAX_ATTEMPTS", key="max_attempts")
    if setting is None:
        return DEFAULT_ATTEMPTS
    try:
        number = int(setting.value)
    except ValueError:
        number = 0
    if number < 1:
        message = f"{setting.source} must be a number from 1 on, not {setting.value!r}"
        raise ConfigError(message)
    return min(number, highest("max_attempts"))


def _checksums(config: Config, look: _SettingsLookup) -> Checksums:
    if config.checksums != "auto":
        return Checksums(config.checksums, verify=config.checksums != "off")
    request, response = (
        _when(look.up(f"AWS_{key.upper()}", key=key))
        for key in ("request_checksum_calculation", "response_checksum_validation")
    )
    sending: ChecksumMode = "auto" if request is None else "everywhere" if request == "when_supported" else "off"
    return Checksums(sending, verify=response != "when_required")


def _when(setting: SettingValue | None) -> str | None:
    if setting is None:
        return None
    if setting.value.lower() not in _WHEN:
        message = f"{setting.source} must be 'when_supported' or 'when_required', not {setting.value!r}"
        raise ConfigError(message)
    return setting.value.lower()


def _below(section: Section, where: str) -> Mapping[str, str]:
    """Return the settings below ``s3 =``; it has no value of its own."""
    below = section.get("s3", {})
    if isinstance(below, str):
        message = f"{where} must have its settings below it, each on a line that begins with a space"
        raise ConfigError(message)
    return below


def _style(config: Config, look: _SettingsLookup) -> AddressingStyle:
    below = _below(look.stored, f"s3 of {look.profile}")
    value = below.get("addressing_style") if config.addressing_style == "auto" else None
    # Other values are left to botocore, which rejects them.
    return next((style for style in ADDRESSING_STYLES if style == value), config.addressing_style)
