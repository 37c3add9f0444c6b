//! The state file on disk, replaced whole and readable for its owner alone.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::replace::replace;

/// Only the owner reads what desktops there are.
const MODE: u32 = 0o600;

/// Reads the file; `None` if there is none yet.
///
/// # Errors
///
/// The operating system's.
pub fn load(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Replaces the file. On an error the old one is still there.
///
/// # Errors
///
/// The operating system's, such as a full disk.
pub fn save(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, MODE, |file| file.write_all(bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::replace::draft_of;

    #[test]
    fn a_file_is_replaced_whole_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state");
        assert_eq!(load(&path).expect("no error"), None);
        for content in [b"first".as_slice(), b"second, longer".as_slice(), b"3".as_slice()] {
            save(&path, content).expect("saved");
            assert_eq!(load(&path).expect("no error").as_deref(), Some(content));
        }
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, MODE);
        assert_eq!(
            fs::read_dir(folder.path()).expect("a folder").count(),
            1,
            "a draft is left"
        );
    }

    #[test]
    fn what_cannot_be_written_leaves_the_old_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state");
        save(&path, b"old").expect("saved");
        // The draft's place is taken by a folder: as on a read-only disk, nothing can be written.
        fs::create_dir_all(draft_of(&path).join("occupied")).expect("a folder");
        assert!(save(&path, b"new").is_err());
        assert_eq!(load(&path).expect("no error").as_deref(), Some(b"old".as_slice()));
        assert!(save(Path::new("/proc/state"), b"new").is_err());
        assert!(load(folder.path()).is_err(), "a folder is no file");
    }
}
