//! `http_server_config.headers`.

use super::checked::{Given, deserialize_checked};
use hyper::header::{self as h, HeaderName, HeaderValue};
use serde::Deserialize;

/// The headers that exporter-toolkit allows.
#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "a mapping", deny_unknown_fields, default)]
pub(super) struct Headers {
    #[serde(rename = "Content-Security-Policy")]
    content_security_policy: HeaderText,
    #[serde(rename = "X-Frame-Options")]
    frame_options: Option<Given<FrameOptions>>,
    /// Every response has it anyway.
    #[serde(rename = "X-Content-Type-Options")]
    _content_type_options: Option<Given<ContentTypeOptions>>,
    #[serde(rename = "X-XSS-Protection")]
    xss_protection: HeaderText,
    #[serde(rename = "Strict-Transport-Security")]
    strict_transport_security: HeaderText,
}

#[derive(Debug, Default)]
struct HeaderText(Option<HeaderValue>);
deserialize_checked!(HeaderText);

impl TryFrom<String> for HeaderText {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match HeaderValue::from_str(&text) {
            Ok(value) => Ok(HeaderText(Some(value).filter(|value| !value.is_empty()))),
            Err(_) => Err("a header value may hold no line break or control character".into()),
        }
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FrameOptions {
    Deny,
    Sameorigin,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ContentTypeOptions {
    Nosniff,
}

impl Headers {
    pub(super) fn pairs(self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let frame_options = self.frame_options.and_then(|given| given.0);
        let frame_options = frame_options.map(|options| {
            HeaderValue::from_static(match options {
                FrameOptions::Deny => "deny",
                FrameOptions::Sameorigin => "sameorigin",
            })
        });
        [
            (h::CONTENT_SECURITY_POLICY, self.content_security_policy.0),
            (h::X_FRAME_OPTIONS, frame_options),
            (h::X_XSS_PROTECTION, self.xss_protection.0),
            (
                h::STRICT_TRANSPORT_SECURITY,
                self.strict_transport_security.0,
            ),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }
}
