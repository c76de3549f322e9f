//! Streams: from one publisher to many readers.
//!
//! A publisher's packets become [`batch`]es in [`ingest`]; each shard with readers keeps them in a [`ring`]; a
//! [`reader`] has [`lane`]s: positions in it, each with a way out.

pub(crate) mod batch;
pub(crate) mod clocks;
pub(crate) mod fan_out;
pub(crate) mod form;
pub(crate) mod ingest;
pub(crate) mod lane;
pub(crate) mod layout;
pub(crate) mod local;
pub(crate) mod own;
pub(crate) mod progress;
pub(crate) mod reader;
pub(crate) mod registry;
pub(crate) mod ring;
pub(crate) mod secure;
pub(crate) mod slow;
