//! The simulated cloud on loopback, with a clock of its own: a test may stop it or set it wrong.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use workspace_exporter::seams::WallClock;
use workspace_simulator::{Identity, Options, Server, Simulator};

/// A running cloud and a folder for credentials; both end with it.
pub(crate) struct Cloud {
    simulator: Arc<Mutex<Simulator>>,
    pub(crate) identity: Identity,
    pub(crate) endpoint: String,
    pub(crate) directory: TempDir,
    serving: JoinHandle<()>,
}

impl Cloud {
    /// Its time stands still, so that both sides speak of the same moment.
    pub(crate) async fn standing_still(desktops: usize) -> Self {
        let now: Timestamp = "2026-01-05T02:00:00Z".parse().unwrap();
        Self::with_clock(desktops, move || now).await
    }

    /// Its clock runs, and is ahead of ours.
    pub(crate) async fn ahead_by(desktops: usize, ahead: SignedDuration) -> Self {
        Self::with_clock(desktops, move || WallClock::system().now() + ahead).await
    }

    async fn with_clock(desktops: usize, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        let simulator = Simulator::new(&Options {
            desktops,
            seed: 42,
            start: now(),
        });
        let identity = simulator.identity().clone();
        let simulator = Arc::new(Mutex::new(simulator));
        let loopback = ([127, 0, 0, 1], 0).into();
        let server = Server::bind(loopback, Arc::clone(&simulator), Arc::new(now))
            .await
            .unwrap();
        Self {
            simulator,
            identity,
            endpoint: format!("http://{}", server.address()),
            directory: tempfile::tempdir().unwrap(),
            serving: tokio::spawn(server.run()),
        }
    }

    pub(crate) fn simulator(&self) -> MutexGuard<'_, Simulator> {
        self.simulator.lock().unwrap()
    }

    /// Writes a file beside the others, whole or not at all.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        let draft = self.directory.path().join("draft");
        fs::write(&draft, text).unwrap();
        fs::rename(draft, &path).unwrap();
        path
    }

    /// A configuration that lists all of it as the project `simulated`, dense and with a token.
    pub(crate) fn dense(&self, interval: &str, more: &str) -> String {
        let token = self.write("token", &self.identity.token);
        let Self { identity, endpoint, .. } = self;
        format!(
            "
collect: {{ interval: {interval}, network_interval: 1h }}
api: {{ requests_per_second: 1000, burst: 1000 }}
metrics: {{ state_rows: dense }}
credentials: {{ main: {{ kind: token_file, file: '{}' }} }}
projects: [ {{ name: simulated, endpoint: '{endpoint}', project_id: {} }} ]
{more}",
            token.display(),
            identity.project_id
        )
    }

    /// A configuration with this credential; the project's id is left to IAM.
    pub(crate) fn with_credential(&self, credential: &str) -> String {
        let Self { identity, endpoint, .. } = self;
        format!(
            "
collect: {{ interval: 1s }}
api: {{ requests_per_second: 1000, burst: 1000 }}
credentials: {{ main: {{ {credential}, iam_endpoint: '{endpoint}' }} }}
projects: [ {{ region: {}, endpoint: '{endpoint}' }} ]",
            identity.region
        )
    }

    pub(crate) fn with_password(&self) -> String {
        let password = self.write("password", &self.identity.password);
        let (user, domain) = (&self.identity.user, &self.identity.domain);
        let password = password.display();
        self.with_credential(&format!(
            "kind: password, user: {user}, domain: {domain}, password_file: '{password}'"
        ))
    }

    /// A configuration with an access key in a file.
    pub(crate) fn with_access_key(&self, access_key: &str, secret_key: &str) -> String {
        let file = self.write_key(access_key, secret_key);
        self.with_credential(&format!("kind: access_key, file: '{}'", file.display()))
    }

    pub(crate) fn write_key(&self, access_key: &str, secret_key: &str) -> PathBuf {
        self.write(
            "key.yaml",
            &format!("access_key: {access_key}\nsecret_key: {secret_key}\n"),
        )
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
