//! The plain exposition of a publication, chunk after chunk: the whole text is never in memory.

use std::sync::Arc;

use super::selection::Selection;
use super::sheet::{Cursor, Sheet};

/// Writes what is the same until the next publication. Cheap to make; a chunk costs a copy of its bytes.
#[derive(Debug)]
pub struct Print {
    sheet: Arc<Sheet>,
    selection: Selection,
    cursor: Cursor,
}

impl Print {
    /// Begins at the beginning.
    #[must_use]
    pub fn new(sheet: Arc<Sheet>, selection: Selection) -> Self {
        Self {
            sheet,
            selection,
            cursor: Cursor::default(),
        }
    }

    /// Appends units until there are at least so many bytes; returns whether there is more.
    pub fn fill(&mut self, out: &mut Vec<u8>, bytes: usize) -> bool {
        while out.len() < bytes {
            let Some(unit) = self.cursor.next(&self.sheet, &self.selection) else {
                return false;
            };
            self.sheet.write(&unit, &self.selection, out);
        }
        true
    }
}
