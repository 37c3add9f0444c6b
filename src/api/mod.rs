//! The only place that knows Huawei Cloud: its calls, its errors, its wire format.
//!
//! It gives out the core's types and never heard of metrics, polls or pages of a walk. Two traits of the outside are
//! handed in: a [`Transport`] that carries requests, and an observer that is told of each attempt.
//!
//! ```text
//! Client (one project) --> Credential (a token, or a key that signs) --> Exchange (rate, retry) --> Transport --> decode
//! ```

mod auth;
mod client;
mod cloud_clock;
mod decode;
mod error;
mod exchange;
mod field_reader;
mod lenient;
mod operation;
mod pools;
mod quota;
mod rate;
mod records;
mod refusal;
mod retry;
mod signing;
mod surrogates;
mod transport;
mod users;
mod wire;

pub use auth::{Credential, CredentialError, Scope};
pub use client::{Client, PageRequest, Selection};
pub use cloud_clock::CloudClock;
pub use decode::{DecodeError, DesktopPage, NetworkAnswer, desktop_page, network_answer};
pub use error::Error;
pub use exchange::{Attempt, Event, Exchange, Observer};
pub use operation::Operation;
pub use rate::Limit;
pub use refusal::Refusal;
pub use transport::{HttpTransport, Transport, TransportError, TransportSetupError};
pub use users::{Extras, UserKeyError, UserNames};
