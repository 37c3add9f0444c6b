//! A Huawei Cloud Workspace API that behaves like the real one, with a fleet that lives.
//!
//! It writes the wire format a second time and shares no code with the exporter: that makes it a witness.
//! [`Simulator::handle`] answers a request at a moment and knows no socket and no clock; [`Server`] puts it on
//! loopback. The same seed, start and requests give the same answers, byte for byte.
//!
//! ```text
//! request, now --> Simulator::handle --> Fleet::advance (events due by now)
//!                        '--> Gateway (token, signature, lock) --> answers:: (documented JSON)
//! ```

mod agency;
mod answers;
mod faults;
mod fleet;
mod gateway;
mod identity;
mod query;
mod scenario;
mod server;
mod signature;
mod simulator;

pub use agency::TemporaryKey;
pub use faults::{BodyFault, Conduct, Fault, ListFault, NetworkFault, TotalFault, Trouble};
pub use fleet::{Chronicle, Churn, Desktop, Fleet, Nic, Record, Task};
pub use gateway::Gateway;
pub use identity::Identity;
pub use scenario::{Scenario, Script};
pub use server::{BindError, Clock, Server};
pub use simulator::{Options, Simulator};
