//! The payload descriptors.

/// What a packet brings of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    /// It begins a picture, in its lowest layer.
    pub(crate) begins: bool,
    /// It is predicted from other pictures, as far as the descriptor says.
    pub(crate) inter: bool,
    pub(crate) bytes: &'a [u8],
}

/// RFC 7741 §4.2. A picture begins with the first piece of its first partition.
pub(crate) fn vp8(payload: &[u8]) -> Option<Piece<'_>> {
    let (&descriptor, mut rest) = payload.split_first()?;
    if descriptor & 0x80 != 0 {
        let (&extension, behind) = rest.split_first()?;
        let picture_id = match (extension & 0x80 != 0, behind.first()) {
            (false, _) => 0,
            (true, first) => 1 + usize::from(first? >> 7),
        };
        let level = usize::from(extension & 0x40 != 0);
        let layer = usize::from(extension & 0x30 != 0);
        rest = behind.get(picture_id + level + layer..)?;
    }
    Some(Piece {
        begins: descriptor & 0x17 == 0x10,
        inter: false,
        bytes: rest,
    })
}

/// draft-ietf-payload-vp9-16 §4.2.
pub(crate) fn vp9(payload: &[u8]) -> Option<Piece<'_>> {
    let (&descriptor, mut rest) = payload.split_first()?;
    let bit = |mask: u8| descriptor & mask != 0;
    let (id, inter, layers, flexible) = (bit(0x80), bit(0x40), bit(0x20), bit(0x10));
    let mut lowest = true;
    if id {
        rest = rest.get(1 + usize::from(rest.first()? >> 7)..)?;
    }
    if layers {
        lowest = rest.first()? >> 1 & 7 == 0;
        // Without flexible mode the index of the base layer follows.
        rest = rest.get(1 + usize::from(!flexible)..)?;
    }
    if flexible && inter {
        // Up to three references, each but the last with its lowest bit set.
        for _ in 0..3 {
            let (&reference, behind) = rest.split_first()?;
            rest = behind;
            if reference & 1 == 0 {
                break;
            }
        }
    }
    if bit(0x02) {
        rest = rest.get(vp9_structure(rest)?..)?;
    }
    Some(Piece {
        begins: bit(0x08) && lowest,
        inter,
        bytes: rest,
    })
}

/// Octets of a scalability structure (draft-ietf-payload-vp9-16 §4.2.1).
fn vp9_structure(payload: &[u8]) -> Option<usize> {
    let (&flags, rest) = payload.split_first()?;
    let sizes = if flags & 0x10 != 0 {
        4 * (usize::from(flags >> 5) + 1)
    } else {
        0
    };
    let mut groups = 0;
    if flags & 0x08 != 0 {
        let mut pictures = rest.get(sizes..)?.iter();
        let count = *pictures.next()?;
        groups = 1;
        for _ in 0..count {
            let references = usize::from(pictures.next()? >> 2 & 3);
            groups += 1 + references;
            if let Some(last) = references.checked_sub(1) {
                pictures.nth(last)?;
            }
        }
    }
    Some(1 + sizes + groups)
}
