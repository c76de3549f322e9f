//! tidy
use crate::failure::Result;
pub(crate) fn run() -> Result<bool> {
    Ok(true)
}
