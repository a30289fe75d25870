"""Replies of real servers, and the entry of explanations.toml that each must get.

They come from the services' own lists, from public reports of bounces and from the servers' source
code, not from the table: an address or a host is made up, the words are theirs.
"""

from __future__ import annotations

from typing import NamedTuple

from mailmerge.providers.explanations import Step


class Heard(NamedTuple):
    """A reply of the server `who`; `step` and `provider` as far as they are known."""

    who: str
    code: int
    text: str
    key: str
    step: Step | None = None
    provider: str = ""


HEARD = [
    # Gmail
    Heard(
        "Gmail",
        535,
        "5.7.8 Username and Password not accepted. For more information, go to 5.7.8 "
        "https://support.google.com/mail/?p=BadCredentials a640c23a62f3a-ab2c95sm1 - gsmtp",
        "gmail-login",
        "login",
    ),
    Heard(
        "Gmail with a token that has expired",
        535,
        "5.7.8 Username and Password not accepted. For more information, go to 5.7.8 "
        "https://support.google.com/mail/?p=BadCredentials a640c23a62f3a-ab2c95sm1 - gsmtp",
        "oauth-token",
        "token",
        "gmail",
    ),
    Heard(
        "Gmail",
        534,
        "5.7.9 Application-specific password required. For more information, go to 5.7.9 "
        "https://support.google.com/mail/?p=InvalidSecondFactor - gsmtp",
        "gmail-app-password",
        "login",
        "workspace",
    ),
    Heard(
        "Gmail",
        530,
        "5.7.0 Authentication Required. For more information, go to 5.7.0 "
        "https://support.google.com/mail/?p=WantAuthError - gsmtp",
        "login-required",
        "mail",
    ),
    Heard(
        "Gmail",
        501,
        "5.5.4 HELO/EHLO argument 'x' invalid, closing connection. - gsmtp",
        "machine-name",
        "hello",
    ),
    Heard(
        "Gmail",
        550,
        "5.4.5 Daily user sending limit exceeded. For more information on Gmail sending limits go "
        "to 5.4.5 https://support.google.com/a/answer/166852 - gsmtp",
        "daily-limit",
        "content",
        "gmail",
    ),
    Heard(
        "Gmail",
        550,
        "5.1.1 The email account that you tried to reach does not exist. Please try 5.1.1 "
        "double-checking the recipient's email address for typos or 5.1.1 unnecessary spaces. "
        "5.1.1 https://support.google.com/mail/?p=NoSuchUser - gsmtp",
        "no-mailbox",
        "rcpt",
    ),
    Heard(
        "Gmail",
        550,
        "5.2.1 The email account that you tried to reach is disabled. For more information, go to "
        "5.2.1 https://support.google.com/mail/?p=DisabledUser - gsmtp",
        "mailbox-off",
        "rcpt",
    ),
    Heard(
        "Gmail",
        452,
        "4.2.2 The email account that you tried to reach is over quota. Please direct 4.2.2 the "
        "recipient to 4.2.2 https://support.google.com/mail/?p=OverQuotaTemp - gsmtp",
        "mailbox-full",
        "rcpt",
    ),
    Heard(
        "Gmail",
        550,
        "5.7.26 Your email has been blocked because the sender is unauthenticated. Gmail requires "
        "all senders to authenticate with either SPF or DKIM. - gsmtp",
        "unauthenticated",
        "content",
    ),
    Heard(
        "Gmail",
        550,
        "5.7.1 [192.0.2.7      12] Gmail has detected that this message is likely unsolicited "
        "mail. To reduce the amount of spam sent to Gmail, this message has been blocked. - gsmtp",
        "spam",
        "content",
    ),
    Heard(
        "Gmail",
        421,
        "4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP "
        "address. To protect our users from spam, mail sent from your IP has been rate limited.",
        "gmail-rate",
        "content",
    ),
    Heard(
        "Gmail",
        552,
        "5.7.0 This message was blocked because its content presents a potential security issue. "
        "Please visit https://support.google.com/mail/?p=BlockedMessage - gsmtp",
        "attachment",
        "content",
    ),
    Heard(
        "Gmail",
        550,
        "5.7.25 [192.0.2.7] The IP address sending this message does not have a PTR record setup",
        "machine-name",
        "content",
    ),
    Heard(
        "Gmail",
        550,
        "5.7.1 Messages missing a valid address in From: header, or having no From: header, are "
        "not accepted. - gsmtp",
        "header-fields",
        "content",
    ),
    Heard(
        "Gmail",
        550,
        "5.7.1 [192.0.2.7] The IP you're using to send mail is not authorized to 5.7.1 send email "
        "directly to our servers. Please use the SMTP relay at your 5.7.1 service provider "
        "instead. - gsmtp",
        "no-direct-sending",
        "content",
    ),
    # Microsoft
    Heard(
        "Microsoft 365",
        535,
        "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. "
        "Visit https://aka.ms/smtp_auth_disabled for more information. [AM0PR.prod.outlook.com]",
        "microsoft-smtp-auth-off",
        "token",
        "office365",
    ),
    Heard(
        "Microsoft 365",
        535,
        "5.7.139 Authentication unsuccessful, basic authentication is disabled. "
        "[AM0PR.prod.outlook.com]",
        "microsoft-basic-off",
        "login",
    ),
    Heard(
        "Microsoft 365",
        535,
        "5.7.3 Authentication unsuccessful [AM0PR.EURP190.PROD.OUTLOOK.COM]",
        "microsoft-login",
        "login",
    ),
    Heard(
        "Microsoft 365 with a token for another scope",
        535,
        "5.7.3 Authentication unsuccessful [AM0PR.EURP190.PROD.OUTLOOK.COM]",
        "oauth-token",
        "token",
        "office365",
    ),
    Heard(
        "Microsoft 365",
        554,
        "5.2.252 SendAsDenied; a@example.com not allowed to send as b@example.com; "
        "STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied",
        "send-as",
        "content",
    ),
    Heard(
        "Microsoft 365",
        550,
        "5.4.1 Recipient address rejected: Access denied. [AM0EUR02FT.eop-EUR02.outlook.com]",
        "no-mailbox-there",
        "rcpt",
    ),
    Heard(
        "Exchange Online, a tenant without its own domain",
        550,
        "5.7.236 Your organization has exceeded the limit of external recipients per day for "
        "onmicrosoft.com domains",
        "microsoft-onmicrosoft-limit",
        "rcpt",
        "office365",
    ),
    Heard(
        "Exchange Online, the day's limit of a mailbox",
        554,
        "5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process "
        "message due to a permanent exception",
        "microsoft-submission-quota",
        "content",
        "office365",
    ),
    Heard(
        "Exchange Online after repeated errors",
        550,
        "5.2.254 InvalidRecipientsExceeded; sender is throttled",
        "microsoft-throttled",
        "content",
        "office365",
    ),
    Heard(
        "Microsoft 365",
        550,
        "5.7.708 Service unavailable. Access denied, traffic not accepted from this IP. For more "
        "information please go to http://go.microsoft.com/fwlink/?LinkId=526653",
        "microsoft-low-reputation",
        "content",
    ),
    Heard(
        "Microsoft 365",
        550,
        "5.7.606 Access denied, banned sending IP [192.0.2.7]. To request removal from this list "
        "please visit https://sender.office.com/",
        "microsoft-banned-address",
        "mail",
    ),
    Heard(
        "Microsoft 365",
        550,
        "5.1.8 Access denied, bad outbound sender. For more information please go to "
        "http://go.microsoft.com/fwlink/?LinkId=875724",
        "account-blocked",
        "content",
    ),
    Heard(
        "Microsoft 365",
        550,
        "5.1.90 Your message can't be sent because you've reached your daily limit for message "
        "recipients",
        "daily-limit-words",
        "content",
        "office365",
    ),
    Heard(
        "Microsoft 365",
        432,
        "4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending",
        "account-connections",
        "mail",
        "office365",
    ),
    Heard(
        "Microsoft 365",
        451,
        "4.7.650 The mail server [192.0.2.7] has been temporarily rate limited due to IP "
        "reputation. For e-mail delivery information, see https://postmaster.live.com (S775)",
        "too-fast",
        "rcpt",
    ),
    Heard(
        "Microsoft 365",
        451,
        "4.7.500 Server busy. Please try again later from [192.0.2.7]. (S77714)",
        "server-busy",
        "mail",
    ),
    Heard(
        "Outlook.com",
        550,
        "5.5.0 Requested action not taken: mailbox unavailable (S2017062302).",
        "no-mailbox",
        "rcpt",
    ),
    Heard(
        "Outlook.com",
        550,
        "5.7.1 Unfortunately, messages from [192.0.2.7] weren't sent. Please contact your Internet "
        "service provider since part of their network is on our block list (S3150).",
        "block-list",
        "mail",
    ),
    Heard(
        "Outlook.com",
        550,
        "5.7.515 Access denied, sending domain example.com does not meet the required "
        "authentication level. The sender's domain in the 5322.From address doesn't meet it.",
        "outlook-authentication",
        "content",
    ),
    # Exchange
    Heard(
        "Exchange",
        550,
        "5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
        "no-mailbox",
        "rcpt",
    ),
    Heard(
        "Exchange",
        550,
        "5.7.54 SMTP; Unable to relay recipient in non-accepted domain",
        "relay",
        "rcpt",
    ),
    Heard(
        "Exchange",
        530,
        "5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM",
        "login-required",
        "mail",
        "office365",
    ),
    Heard(
        "Exchange",
        550,
        "5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required; Delivery "
        "restriction check failed because the sender was not authenticated",
        "members-only",
        "content",
    ),
    Heard("Exchange", 504, "5.7.4 Unrecognized authentication type", "no-login-here", "login"),
    Heard("Exchange", 452, "4.3.1 Insufficient system resources", "server-full", "mail"),
    Heard("Exchange", 501, "5.5.4 Invalid domain name", "machine-name-hello", "hello"),
    Heard(
        "Exchange",
        550,
        "5.3.4 ROUTING.SizeLimit; message size exceeds fixed maximum size for route",
        "size",
        "content",
    ),
    # Yahoo
    Heard(
        "Yahoo",
        421,
        "4.7.0 [TSS04] Messages from 192.0.2.7 temporarily deferred due to unexpected volume or "
        "user complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes",
        "yahoo-deferred",
        "mail",
    ),
    Heard(
        "Yahoo",
        553,
        "5.7.1 [BL21] Connections will not be accepted from 192.0.2.7, because the ip is in "
        "Spamhaus's list; see http://postmaster.yahoo.com/550-bl23.html",
        "block-list",
        "greeting",
    ),
    Heard(
        "Yahoo",
        554,
        "5.7.9 Message not accepted for policy reasons. See "
        "https://postmaster.yahooinc.com/error-codes",
        "policy",
        "content",
    ),
    Heard(
        "Yahoo",
        554,
        "delivery error: dd This user doesn't have a yahoo.com account (nobody@yahoo.com) [0] - "
        "mta1397.mail.mud.yahoo.com",
        "no-mailbox",
        "content",
    ),
    Heard(
        "Yahoo",
        535,
        "5.7.0 (#AUTH005) Too many bad auth attempts.",
        "login-throttled",
        "login",
        "yahoo",
    ),
    Heard(
        "Yahoo",
        421,
        "Max message per connection reached, closing transmission channel",
        "connection-full",
        "mail",
    ),
    # iCloud
    Heard(
        "iCloud",
        550,
        "5.7.0 From address is not one of your addresses",
        "send-as",
        "content",
        "icloud",
    ),
    Heard("iCloud", 552, "5.2.2 <nobody@icloud.com>: user is over quota", "mailbox-full", "rcpt"),
    Heard(
        "iCloud",
        550,
        "5.7.1 [CS01] Message rejected due to local policy. Please visit "
        "https://support.apple.com/en-us/HT204137",
        "policy",
        "content",
    ),
    Heard(
        "iCloud",
        421,
        "4.7.1 Messages to nobody@icloud.com deferred due to excessive volume. Try again later - "
        "https://support.apple.com/en-us/HT204137",
        "too-fast",
        "rcpt",
    ),
    # NetEase
    Heard("163", 535, "Error: authentication failed", "authorization-code", "login", "163"),
    Heard("163", 550, "User has no permission", "authorization-code-words", "login", "163"),
    Heard("163", 553, "Mail from must equal authorized user", "send-as", "mail", "163"),
    Heard(
        "163",
        554,
        "DT:SPM 163 smtp5,D9GowABXqd+8rLRf0F8_Ng--.4511S2 1605676220,please see "
        "http://mail.163.com/help/help_spam_16.htm?ip=192.0.2.7&hostid=smtp5&time=1605676220",
        "netease-spam",
        "content",
        "163",
    ),
    Heard("163", 554, "MI:STC 163 smtp9,DcCowAD3z5p", "netease-day", "mail", "163"),
    Heard("163", 554, "5.5.3 RP:TRC 163 smtp9", "netease-day", "rcpt", "163"),
    Heard("126", 451, "RP:QRC 126 smtp9", "netease-recipients", "rcpt", "126"),
    Heard("126", 450, "4.5.3 RP:DRC 126 smtp9", "netease-connection-recipients", "rcpt", "126"),
    Heard("163", 451, "MI:SFQ 163 smtp9", "netease-quarter", "mail", "163"),
    Heard("163", 554, "5.7.3 HL:ITC 163 smtp9", "netease-address-day", "greeting", "163"),
    Heard("163", 554, "HL:IHU 163 smtp9", "netease-address", "greeting", "163"),
    Heard("163", 554, "HL:IPB 163 smtp9", "netease-unknown-address", "greeting"),
    Heard("163", 554, "DT:SUM 163 smtp9", "netease-envelope", "content", "163"),
    Heard("163", 550, "MI:SPF 163 mx9", "netease-domain", "mail"),
    Heard("163", 550, "MI:DMA 163 mx9", "netease-domain", "content"),
    Heard("163", 554, "MI:SPB 163 smtp9", "account-blocked", "mail", "163"),
    Heard(
        "163",
        554,
        "IP<192.0.2.7> is rejected, smtp auth error limit exceed",
        "login-throttled",
        "greeting",
        "163",
    ),
    # QQ
    Heard(
        "QQ",
        535,
        "Login fail. Account is abnormal, service is not open, password is incorrect, login "
        "frequency limited, or system is busy. More information at "
        "https://help.mail.qq.com/detail/108/1023",
        "authorization-code-words",
        "login",
        "qq",
    ),
    Heard(
        "QQ",
        550,
        'The "From" header is missing or invalid. Please follow RFC5322, RFC2047, RFC822 standard '
        "protocol. https://service.mail.qq.com/detail/124/995.",
        "qq-from",
        "content",
        "qq",
    ),
    Heard(
        "QQ",
        550,
        "Mail content denied. http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022",
        "spam",
        "content",
    ),
    Heard(
        "QQ",
        550,
        "Domain may not exist or DNS check failed [MMvIV0rYtQm6] [IP: 192.0.2.7]. "
        "https://service.mail.qq.com/detail/124/62.",
        "sender-domain",
        "mail",
    ),
    Heard("QQ", 550, "Mailbox unavailable or access denied [xyz]", "recipient-flooded", "rcpt"),
    Heard("QQ", 550, "Connection frequency limited", "too-fast", "mail"),
    Heard("QQ", 550, "Mail is rejected by recipients [xyz]", "recipient-refuses", "content"),
    # Aliyun
    Heard("Aliyun", 526, "Authentication failure[0]", "aliyun-login", "login", "aliyun-qiye"),
    Heard("Aliyun", 526, "Authentication failure[1]", "login-throttled", "login", "aliyun-qiye"),
    Heard("Aliyun", 559, "Invalid rcptto [@sm070102]", "aliyun-recipient", "rcpt", "aliyun-dm"),
    Heard(
        "Aliyun",
        440,
        "mail from account doesn't conform with authentication (Auth Account:a@example.com|Mail "
        "Account:b@example.com)",
        "send-as",
        "mail",
        "aliyun-qiye",
    ),
    Heard("Aliyun", 554, "Reject by behaviour spam", "account-blocked", "content", "aliyun-qiye"),
    # Services for many messages
    Heard("SES", 535, "Authentication Credentials Invalid", "smtp-credentials", "login", "ses"),
    Heard("SES", 454, "Throttling failure: Maximum sending rate exceeded.", "ses-rate", "content"),
    Heard("SES", 454, "Throttling failure: Daily message quota exceeded.", "ses-day", "content"),
    Heard(
        "SES",
        554,
        "Message rejected: Email address is not verified. The following identities failed the "
        "check in region EU-WEST-1: news@example.com",
        "ses-unverified",
        "content",
        "ses",
    ),
    Heard(
        "SES",
        554,
        "Access denied: User `arn:aws:iam::123456789012:user/smtp' is not authorized to perform "
        "`ses:SendRawEmail' on resource `arn:aws:ses:eu-west-1:123456789012:identity/example.com'",
        "ses-permission",
        "content",
        "ses",
    ),
    Heard(
        "SendGrid",
        550,
        "The from address does not match a verified Sender Identity. Mail cannot be sent until "
        "this error is resolved. Visit https://sendgrid.com/docs/for-developers/sending-email/",
        "sender-unverified",
        "content",
        "sendgrid",
    ),
    Heard(
        "SendGrid",
        451,
        "Authentication failed: Maximum credits exceeded",
        "credits",
        "login",
        "sendgrid",
    ),
    Heard(
        "SendGrid",
        535,
        "Authentication failed: Bad username / password",
        "smtp-credentials",
        "login",
        "sendgrid",
    ),
    Heard(
        "Mailgun",
        421,
        "Domain example.com is not allowed to send: Please activate your Mailgun account. Check "
        "your inbox or log in to your control panel to resend the activation email.",
        "account-restricted",
        "content",
        "mailgun",
    ),
    Heard("Mailgun", 550, "5.7.1 Relaying denied", "relay", "rcpt", "mailgun"),
    Heard(
        "Postmark",
        550,
        "5.7.1 The 'From' address you supplied (news@example.com) is not a Sender Signature on "
        "your account.",
        "sender-unverified",
        "content",
        "postmark",
    ),
    Heard("Brevo", 525, "5.7.1 Unauthorized IP address", "address-not-allowed", "login", "brevo"),
    Heard("Brevo", 535, "5.7.8 Authentication failed", "smtp-credentials", "login", "brevo"),
    # Zoho, Yandex
    Heard("Zoho", 553, "5.7.1 Relaying disallowed as news@example.com", "send-as", "content"),
    Heard(
        "Zoho",
        550,
        "5.4.6 Unusual sending activity detected. Please try after sometime. To know more about "
        "usage policies refer to https://www.zoho.com/mail/help/usage-policy.html",
        "account-blocked",
        "content",
        "zoho",
    ),
    Heard("Zoho", 554, "5.1.8 Email Outgoing Blocked.", "account-blocked", "content", "zoho"),
    Heard(
        "Yandex",
        535,
        "5.7.8 Error: authentication failed: This user does not have access rights to this service",
        "app-password",
        "login",
        "yandex",
    ),
    Heard(
        "Yandex",
        553,
        "5.7.1 Sender address rejected: not owned by auth user.",
        "send-as",
        "mail",
        "yandex",
    ),
    Heard(
        "Yandex",
        554,
        "5.7.1 [1] Message rejected under suspicion of SPAM; https://ya.cc/1IrBc",
        "spam",
        "content",
        "yandex",
    ),
    # Postfix
    Heard("Postfix", 454, "4.7.1 <a@b.example>: Relay access denied", "relay", "rcpt"),
    Heard(
        "Postfix",
        550,
        "5.1.1 <a@b.example>: Recipient address rejected: User unknown in virtual mailbox table",
        "no-mailbox",
        "rcpt",
    ),
    Heard(
        "Postfix",
        504,
        "5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname",
        "machine-name",
        "rcpt",
    ),
    Heard(
        "Postfix",
        450,
        "4.1.8 <a@nowhere.example>: Sender address rejected: Domain not found",
        "sender-domain",
        "rcpt",
    ),
    Heard(
        "Postfix",
        450,
        "4.2.0 <a@b.example>: Recipient address rejected: Greylisted, see "
        "http://postgrey.schweikert.ch/help/b.example.html",
        "greylist",
        "rcpt",
    ),
    Heard(
        "Postfix",
        554,
        "5.7.1 <a@b.example>: Recipient address rejected: Access denied",
        "recipient-refused",
        "rcpt",
    ),
    Heard(
        "Postfix",
        554,
        "5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.spamhaus.org",
        "block-list",
        "rcpt",
    ),
    Heard(
        "Postfix",
        553,
        "5.7.1 <a@b.example>: Sender address rejected: not owned by user c@b.example",
        "send-as",
        "rcpt",
    ),
    Heard(
        "Postfix",
        550,
        "5.1.1 <a@b.example>: Recipient address rejected: undeliverable address: unknown user",
        "no-mailbox",
        "rcpt",
    ),
    Heard(
        "Postfix",
        450,
        "4.1.1 <a@b.example>: Recipient address rejected: unverified address: Address "
        "verification in progress",
        "address-checked",
        "rcpt",
    ),
    Heard("Postfix", 503, "5.5.1 Error: authentication not enabled", "no-login-here", "login"),
    Heard("Postfix", 450, "4.7.1 Error: too much mail from 192.0.2.7", "too-fast", "mail"),
    Heard("Postfix", 452, "4.3.1 Insufficient system storage", "server-full", "mail"),
    Heard(
        "Postfix",
        454,
        "4.7.0 Temporary authentication failure: Connection lost to authentication server",
        "login-unchecked",
        "login",
    ),
    Heard("Postfix", 421, "4.7.0 mx.example Error: too many errors", "too-many-errors", "rcpt"),
    # Exim
    Heard("Exim", 501, "Syntactically invalid HELO argument(s)", "machine-name", "hello"),
    Heard("Exim", 550, "relay not permitted", "relay", "rcpt"),
    Heard("Exim", 550, "Unrouteable address", "no-mailbox", "rcpt"),
    Heard(
        "Exim",
        550,
        "Verification failed for <news@example.com> No Such User Here Sender verify failed",
        "sender-domain",
        "rcpt",
    ),
    Heard("Exim", 550, "Administrative prohibition", "policy", "content"),
    Heard(
        "Exim",
        421,
        "Too many concurrent SMTP connections; please try again later.",
        "too-many-connections",
        "greeting",
    ),
    Heard("Exim", 503, "AUTH command used when not advertised", "no-login-here", "login"),
    Heard("Exim", 535, "Incorrect authentication data", "login-refused", "login"),
    # sendmail
    Heard(
        "sendmail",
        553,
        "5.1.8 <news@nowhere.example>... Domain of sender address news@nowhere.example does not "
        "exist",
        "sender-domain",
        "mail",
    ),
    Heard("sendmail", 550, "5.1.1 <a@b.example>... User unknown", "no-mailbox", "rcpt"),
    Heard("sendmail", 452, "4.4.5 Insufficient disk space; try again later", "server-full", "mail"),
    Heard("sendmail", 550, "5.7.1 <a@b.example>... Relaying denied", "relay", "rcpt"),
    # OpenSMTPD
    Heard("OpenSMTPD", 452, "4.5.3 Too many messages sent", "connection-full", "mail"),
    Heard("OpenSMTPD", 550, "Invalid recipient: <a@b.example>", "no-mailbox", "rcpt"),
    Heard(
        "OpenSMTPD",
        530,
        "5.5.1 Invalid command: Must issue a STARTTLS command first",
        "tls-required",
        "mail",
    ),
    Heard(
        "OpenSMTPD",
        530,
        "5.5.1 Invalid command: Must issue an AUTH command first",
        "login-required",
        "mail",
    ),
    # Others
    Heard("qmail", 554, "Sorry, no mailbox here by that name. (#5.1.1)", "status 1.1", "rcpt"),
    Heard(
        "a server",
        550,
        "5.7.1 The sender doesn't have permission to send to this recipient",
        "sender-permission",
        "rcpt",
    ),
    Heard("a server", 554, "Your address 5.2.2.14 is refused", "code 554", "greeting"),
    Heard("a server", 555, "5.5.4 Unsupported option: SIZE=1", "status 5.4", "mail"),
]
