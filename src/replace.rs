//! Replaces a file whole or not at all: written beside, flushed, renamed; so a reader finds the old one or the new one.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Replaces a file by what `write` writes, with this mode under the umask. On an error the old one is still there.
///
/// # Errors
///
/// The operating system's, such as a full disk.
pub fn replace(path: &Path, mode: u32, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let draft = draft_of(path);
    let written = write_draft(&draft, mode, write).and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        // What is left of a draft would only take room.
        let _ = fs::remove_file(&draft);
        return written;
    }
    // The rename itself must survive a power cut too.
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

fn write_draft(draft: &Path, mode: u32, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    // One that an earlier run left behind may have another mode, or be a link to somewhere else.
    match fs::remove_file(draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(draft)?;
    write(&mut file)?;
    file.sync_all()
}

/// What is written before it takes the file's place. Textfile collectors read `*.prom` and pass it over.
pub(crate) fn draft_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".draft");
    path.with_file_name(name)
}
