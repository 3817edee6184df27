//! Copies of the database, for backups beside the running server.

use super::{CopyError, Services};
use std::path::Path;

impl Services {
    /// Copies the embedded database, as it is at one moment, into a new file, and checks the copy. Everybody else goes
    /// on meanwhile.
    pub async fn copy_database(&self, to: &Path) -> Result<(), CopyError> {
        // What the server itself has open may be out of everybody's reach by now.
        if self.store().is_replaced() {
            return Err(CopyError::Replaced);
        }
        self.store().copy_to(to).await?;
        tracing::info!("the database was copied for a backup");
        Ok(())
    }
}
