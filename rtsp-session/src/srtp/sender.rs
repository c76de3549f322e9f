//! The sending end of a context of its own.

use bytes::BytesMut;

use super::{Indexes, Keys, MasterKey, SealError};

/// Seals what one end sends: indexes and the life of the key are kept here.
#[derive(Debug)]
pub struct Sender {
    keys: Keys,
    indexes: Indexes,
    /// The index of the next compound: all sources under the key share it.
    compounds: u32,
}

impl Sender {
    /// Nothing sent yet.
    #[must_use]
    pub fn new(master: &MasterKey) -> Self {
        Self {
            keys: Keys::derive(master),
            indexes: Indexes::new(),
            compounds: 0,
        }
    }

    /// Appends the RTP packet to `out`, sealed.
    ///
    /// # Errors
    ///
    /// See [`SealError`]; then `out` is as before.
    pub fn seal_rtp(&mut self, packet: &[u8], out: &mut BytesMut) -> Result<(), SealError> {
        let roc = self.indexes.assign(packet)?.roc;
        self.keys.seal_rtp(roc, packet, out)
    }

    /// Appends the compound to `out`, sealed.
    ///
    /// # Errors
    ///
    /// See [`SealError`]; then `out` is as before.
    pub fn seal_rtcp(&mut self, compound: &[u8], out: &mut BytesMut) -> Result<(), SealError> {
        self.keys.seal_rtcp(self.compounds, compound, out)?;
        self.compounds += 1;
        Ok(())
    }

    /// How often the sequence number of a source has rolled over: what a receiver that joins late is told.
    #[must_use]
    pub fn rollovers(&self, ssrc: u32) -> Option<u32> {
        self.indexes.rollovers(ssrc)
    }
}
