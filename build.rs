//! Tells the build its own facts: the git revision and the compiler, for `build_info` and `--version`.

use std::env;
use std::process::Command;

fn main() {
    // A release tarball has no git; whoever builds one sets the revision.
    println!("cargo::rerun-if-env-changed=WORKSPACE_EXPORTER_REVISION");
    println!("cargo::rerun-if-changed=.git/HEAD");
    println!("cargo::rerun-if-changed=.git/refs/heads");
    let revision = env::var("WORKSPACE_EXPORTER_REVISION")
        .ok()
        .or_else(|| first_line("git", &["rev-parse", "--short=12", "HEAD"]))
        .unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=WORKSPACE_EXPORTER_REVISION={revision}");
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = first_line(&rustc, &["--version"]).unwrap_or_else(|| "unknown".to_owned());
    let version = version.split(' ').nth(1).unwrap_or("unknown");
    println!("cargo::rustc-env=WORKSPACE_EXPORTER_RUSTC={version}");
}

fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next()?.trim();
    (output.status.success() && !line.is_empty()).then(|| line.to_owned())
}
