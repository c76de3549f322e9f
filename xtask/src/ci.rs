//! ci
use crate::failure::Result;
#[derive(clap::Args)]
pub(crate) struct Options {}
pub(crate) fn run(_: &Options) -> Result<bool> {
    Ok(true)
}
pub(crate) fn bench(_: &[String]) -> Result<bool> {
    Ok(true)
}
