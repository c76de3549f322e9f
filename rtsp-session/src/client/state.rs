//! The states of a session as its client sees them.

use rtsp_msg::Method;

/// Where the session is (RFC 2326 §A.1, RFC 7826 §B).
///
/// ```text
///          SETUP          PLAY / RECORD
///   Init --------> Ready ---------------> Playing / Recording
///     ^             | ^                        |
///     | TEARDOWN    | +----------- PAUSE ------+
///     +-------------+--------- TEARDOWN -------+
/// ```
///
/// Complete by nature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum State {
    /// No media is set up.
    #[default]
    Init,
    /// Media are set up; nothing flows.
    Ready,
    /// The server sends.
    Playing,
    /// We send.
    Recording,
}

impl State {
    /// The state after the server has agreed to `method`; `None` where the method has no place.
    #[must_use]
    pub fn after(self, method: &Method) -> Option<Self> {
        Some(match (self, method) {
            (
                state,
                Method::Options | Method::Describe | Method::GetParameter | Method::SetParameter,
            ) => state,
            (Self::Init, Method::Announce) => Self::Init,
            (Self::Init | Self::Ready, Method::Setup) => Self::Ready,
            (Self::Ready | Self::Playing, Method::Play) => Self::Playing,
            (Self::Ready | Self::Recording, Method::Record) => Self::Recording,
            (Self::Ready | Self::Playing | Self::Recording, Method::Pause) => Self::Ready,
            (Self::Ready | Self::Playing | Self::Recording, Method::Teardown) => Self::Init,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole table at once, so that no cell changes unseen.
    #[test]
    fn table() {
        let mut table = String::new();
        for state in [State::Init, State::Ready, State::Playing, State::Recording] {
            for method in Method::KNOWN {
                let anywhere = matches!(
                    method,
                    Method::Options
                        | Method::Describe
                        | Method::GetParameter
                        | Method::SetParameter
                );
                if let Some(next) = state.after(method).filter(|_| !anywhere) {
                    table += &format!("{state:?} {method} {next:?}\n");
                }
            }
        }
        let expected = "\
Init ANNOUNCE Init
Init SETUP Ready
Ready PAUSE Ready
Ready PLAY Playing
Ready RECORD Recording
Ready SETUP Ready
Ready TEARDOWN Init
Playing PAUSE Ready
Playing PLAY Playing
Playing TEARDOWN Init
Recording PAUSE Ready
Recording RECORD Recording
Recording TEARDOWN Init
";
        assert_eq!(table, expected);
    }
}
