//! Checks a request's signature, strictly, as the gateway does: written from the signing guide, for a witness.

use hmac::{Hmac, KeyInit, Mac};
use http::Request;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

const ALGORITHM: &str = "SDK-HMAC-SHA256";

/// The gateway refuses dates that are off by more.
const SKEW_MAXIMUM: SignedDuration = SignedDuration::from_mins(15);

const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A signature as its header states it.
#[derive(Debug)]
pub(crate) struct Claim<'a> {
    pub(crate) access_key: &'a str,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
    date: &'a str,
}

/// What is wrong with a signature.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No header of this algorithm, or not all its parts.
    Malformed,
    /// The date is off by more than 15 minutes.
    Expired,
    /// It was made with another key or over another request; with the canonical request as the gateway saw it.
    Wrong(String),
}

impl<'a> Claim<'a> {
    /// Reads the Authorization header and the date; the date must be signed.
    pub(crate) fn read<B>(request: &'a Request<B>) -> Result<Self, Fault> {
        let authorization = value(request, "authorization").ok_or(Fault::Malformed)?;
        let parts = authorization.strip_prefix(ALGORITHM).ok_or(Fault::Malformed)?;
        let part = |name: &str| {
            let mut parts = parts.split(',').map(str::trim);
            parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        let claim = Self {
            access_key: part("Access").ok_or(Fault::Malformed)?,
            signed_headers: part("SignedHeaders").ok_or(Fault::Malformed)?.split(';').collect(),
            signature: part("Signature").ok_or(Fault::Malformed)?,
            date: value(request, "x-sdk-date").ok_or(Fault::Malformed)?,
        };
        let is_in_order = claim.signed_headers.is_sorted();
        let signs = |name: &str| claim.signed_headers.contains(&name);
        let has_token = value(request, "x-security-token").is_some();
        if !is_in_order || !signs("x-sdk-date") || (has_token && !signs("x-security-token")) {
            return Err(Fault::Malformed);
        }
        Ok(claim)
    }

    /// Checks the date against the gateway's clock, then the signature.
    pub(crate) fn check(
        &self,
        request: &Request<impl AsRef<[u8]>>,
        secret_key: &str,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let signed_at = DateTime::strptime("%Y%m%dT%H%M%SZ", self.date)
            .and_then(|date| TimeZone::UTC.to_timestamp(date))
            .map_err(|_| Fault::Malformed)?;
        if signed_at.duration_since(now).abs() > SKEW_MAXIMUM {
            return Err(Fault::Expired);
        }
        let canonical = self.canonical_request(request).ok_or(Fault::Malformed)?;
        let to_sign = format!(
            "{ALGORITHM}\n{}\n{}",
            self.date,
            hexadecimal(&Sha256::digest(&canonical))
        );
        let expected = keyed_hash(secret_key.as_bytes(), to_sign.as_bytes());
        if expected == self.signature {
            Ok(())
        } else {
            Err(Fault::Wrong(canonical))
        }
    }

    fn canonical_request(&self, request: &Request<impl AsRef<[u8]>>) -> Option<String> {
        let mut text = format!("{}\n", request.method());
        for segment in percent_decode_str(request.uri().path()).decode_utf8_lossy().split('/') {
            text.push_str(&encode(segment));
            text.push('/');
        }
        if request.uri().path().ends_with('/') {
            text.pop();
        }
        text.push('\n');
        let mut pairs: Vec<(String, String)> = Vec::new();
        for pair in request
            .uri()
            .query()
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty())
        {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let plain = |part| percent_decode_str(part).decode_utf8_lossy().into_owned();
            pairs.push((plain(name), plain(value)));
        }
        pairs.sort();
        let query: Vec<String> = pairs
            .iter()
            .map(|(name, value)| encode(name) + "=" + &encode(value))
            .collect();
        text.push_str(&query.join("&"));
        text.push('\n');
        for name in &self.signed_headers {
            text.extend([name, ":", value(request, name)?.trim(), "\n"]);
        }
        text.extend(["\n", &self.signed_headers.join(";"), "\n"]);
        text.push_str(&hexadecimal(&Sha256::digest(request.body().as_ref())));
        Some(text)
    }
}

fn value<'a, B>(request: &'a Request<B>, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

fn keyed_hash(key: &[u8], text: &[u8]) -> String {
    Hmac::<Sha256>::new_from_slice(key)
        .map(|mut mac| {
            mac.update(text);
            hexadecimal(&mac.finalize().into_bytes())
        })
        .unwrap_or_default()
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |four_bits: u8| char::from_digit(u32::from(four_bits), 16);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .flatten()
        .collect()
}
