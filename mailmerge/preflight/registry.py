"""Every rule of the check, in the order in which they run. A new check is one more line here.

CONTRIBUTING.md, "Add a check", has the recipe; rules.py has the interface.
"""

from __future__ import annotations

from mailmerge.preflight import (
    account,
    addresses,
    bodies,
    fields,
    headers,
    html,
    leftovers,
    markup,
    placeholders,
    sender,
    settings,
    signing,
    template_sources,
    totals,
)
from mailmerge.preflight.rules import Rules

RULES = Rules(
    campaign=(
        sender.check_from,
        sender.check_reverse_path,
        sender.check_reply_to,
        sender.check_sender_name,
        sender.check_sender_domain,
        account.check_sender_may_use_account,
        account.check_ca_file,
        account.check_port,
        account.check_password_is_encrypted,
        template_sources.check_sources,
        settings.check_text_part,
        settings.check_content_base,
        settings.check_clock,
        headers.check_list_id,
        headers.check_automatic,
        headers.check_feedback_id,
        signing.check_key_size,
        signing.check_domain,
    ),
    recipient=(addresses.check_domain,),
    structure=(
        html.check_images,
        html.check_srcset,
        html.check_backgrounds,
        html.check_links,
        html.check_elements,
        markup.check_unclosed,
        markup.check_stray_end_tags,
        markup.check_tables,
        markup.check_names,
        markup.check_attributes,
        markup.check_attribute_names,
        markup.check_encoded_braces,
        markup.check_charset,
        markup.check_styles,
    ),
    message=(
        fields.check_recipient_needs_utf8,
        fields.check_subject,
        fields.check_unsubscribe_fields,
        fields.check_formula_errors,
        placeholders.check_cells_mean_text,
        bodies.check_html_size,
        bodies.check_html_shows_text,
        bodies.check_urls,
        bodies.check_text_is_filled,
        bodies.check_gaps,
        bodies.check_line_breaks,
        bodies.check_message_size,
    ),
    totals=(
        totals.check_recipients_left,
        totals.check_variables,
        totals.check_columns,
        placeholders.check_placeholders,
        sender.check_real_sender,
        leftovers.check_leftovers,
        totals.check_reserved,
        totals.check_one_click,
        totals.check_daily_limit,
    ),
)
