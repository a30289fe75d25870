"""mailmerge providers: the known services, or the facts about one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mailmerge.cli.completion import provider_names
from mailmerge.cli.terminal import Json, folded, print_json, reports_errors
from mailmerge.wording import padded, size_in_words

if TYPE_CHECKING:
    from mailmerge.providers.catalogue import Language
    from mailmerge.providers.lookup import Provider


@reports_errors
def providers(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="The service to describe.",
            show_default=False,
            autocompletion=provider_names,
        ),
    ] = "",
    json: Json = False,
) -> None:
    """List the known mail services, or describe one."""
    from mailmerge.providers.catalogue import chosen_language
    from mailmerge.providers.lookup import as_json, find_provider, load_providers

    language = chosen_language()
    if json:
        one = as_json(find_provider(name)) if name else None
        print_json(one or [as_json(provider) for provider in load_providers().values()])
    elif name:
        _show(find_provider(name), language)
    else:
        for provider in load_providers().values():
            typer.echo(f"{provider.name:<20}{provider.title}")


def _show(provider: Provider, language: Language) -> None:
    """One service in words."""
    from mailmerge.providers.lookup import FIGURES

    def row(word: str, value: str, *fields: str) -> None:
        marked = value + _doubt(language, verified=all(map(provider.is_verified, fields)))
        label = padded(f"  {_word(word, language)}", 20)
        typer.echo(folded(marked, first=label, rest=" " * 20))

    typer.echo(typer.style(provider.title, bold=True))
    host = provider.host or provider.host_hint
    where = "host" if provider.host else "host_hint"
    row("server", f"{host} {provider.port} {provider.security}", where, "port", "security")
    if provider.also:
        row("also", ", ".join(f"{item.port} {item.security}" for item in provider.also), "also")
    row("username", provider.username_zh if language == "zh" else provider.username)
    row("password", provider.login_hint(language), "login")
    if provider.login_must_equal_from:
        row("from", _word("same", language), "login_must_equal_from")
    for field in FIGURES:
        if getattr(provider, field):
            row(field, _figure(provider, field, language), field)
    if not provider.rates:
        row("rates", _word("unknown", language))
    _show_rules(provider, language)


def _show_rules(provider: Provider, language: Language) -> None:
    typer.echo(typer.style(_word("rules", language), bold=True))
    for rule in provider.rules:
        text, doubt = rule.text(language), _doubt(language, verified=provider.is_verified(rule.of))
        typer.echo(folded(f"{text[:-1]}{doubt}{text[-1]}", first="  ", rest="  "))
    typer.echo(typer.style(_word("sources", language), bold=True))
    for source in provider.sources:
        # The mark comes before the address, because terminals would link a bracket after it.
        doubt = _doubt(language, verified=source.verified)
        typer.echo(f"  {source.checked}{doubt} {source.url}")
    typer.echo(typer.style(_word("use", language), bold=True))
    typer.echo("  [smtp]")
    typer.echo(f'  provider = "{provider.name}"')
    if provider.host_hint:
        typer.echo(f'  host = "{provider.host or provider.host_hint}"')
    typer.echo('  username = "..."')


def _doubt(language: Language, *, verified: bool) -> str:
    """The mark of a figure that was not verified; full-width brackets need no space before them."""
    if verified:
        return ""
    return ("" if language == "zh" else " ") + _word("unverified", language)


def _figure(provider: Provider, field: str, language: Language) -> str:
    from mailmerge.providers.catalogue import rates_in_words

    value = getattr(provider, field)
    if field == "rates":
        return rates_in_words(value, language)
    return size_in_words(value) if field == "max_size" else f"{value:,}"


def _word(name: str, language: Language) -> str:
    from mailmerge.providers.catalogue import text

    return text(f"provider.{name}", language)
