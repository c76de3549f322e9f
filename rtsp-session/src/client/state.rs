//! The states of a session as its client sees them.

use rtsp_msg::Method;
use rtsp_msg::Version;

use crate::server::rules;

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
    /// The state after the server has agreed to `method`; `None` where the method has no place (RFC 2326 §A.1, RFC 7826 §B.4).
    ///
    /// A method that takes no part in the states stays where it is. RTSP/1.0 pauses only what flows; RTSP/2.0 neither announces
    /// nor records. SETUP of what flows already changes its transport.
    #[must_use]
    pub fn after(self, version: Version, method: &Method) -> Option<Self> {
        if !rules::exists_in(method, version) {
            return None;
        }
        Some(match (self, method) {
            (
                state,
                Method::Options
                | Method::Describe
                | Method::Announce
                | Method::GetParameter
                | Method::SetParameter,
            ) => state,
            (Self::Init | Self::Ready, Method::Setup) => Self::Ready,
            (state @ (Self::Playing | Self::Recording), Method::Setup) => state,
            (Self::Ready | Self::Playing, Method::Play) => Self::Playing,
            (Self::Ready | Self::Recording, Method::Record) => Self::Recording,
            (Self::Playing | Self::Recording, Method::Pause) => Self::Ready,
            (Self::Ready, Method::Pause) if version == Version::V2_0 => Self::Ready,
            (Self::Ready | Self::Playing | Self::Recording, Method::Teardown) => Self::Init,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(version: Version) -> String {
        let mut table = String::new();
        for state in [State::Init, State::Ready, State::Playing, State::Recording] {
            for method in Method::KNOWN {
                if let Some(next) = state.after(version, method) {
                    table += &format!("{state:?} {method} {next:?}\n");
                }
            }
        }
        table
    }

    /// The whole table at once, so that no cell changes unseen. RFC 2326 §A.1 lists TEARDOWN in Init, where there is nothing to
    /// tear down: a client does not send it.
    #[test]
    fn r1_sm_02_the_table_of_1_0() {
        let expected = "\
Init ANNOUNCE Init
Init DESCRIBE Init
Init GET_PARAMETER Init
Init OPTIONS Init
Init SET_PARAMETER Init
Init SETUP Ready
Ready ANNOUNCE Ready
Ready DESCRIBE Ready
Ready GET_PARAMETER Ready
Ready OPTIONS Ready
Ready PLAY Playing
Ready RECORD Recording
Ready SET_PARAMETER Ready
Ready SETUP Ready
Ready TEARDOWN Init
Playing ANNOUNCE Playing
Playing DESCRIBE Playing
Playing GET_PARAMETER Playing
Playing OPTIONS Playing
Playing PAUSE Ready
Playing PLAY Playing
Playing SET_PARAMETER Playing
Playing SETUP Playing
Playing TEARDOWN Init
Recording ANNOUNCE Recording
Recording DESCRIBE Recording
Recording GET_PARAMETER Recording
Recording OPTIONS Recording
Recording PAUSE Ready
Recording RECORD Recording
Recording SET_PARAMETER Recording
Recording SETUP Recording
Recording TEARDOWN Init
";
        assert_eq!(table(Version::V1_0), expected);
    }

    /// RFC 7826 §B.4 as its client sees it. (Nothing leads to Recording.)
    #[test]
    fn the_table_of_2_0() {
        let expected = "\
Init DESCRIBE Init
Init GET_PARAMETER Init
Init OPTIONS Init
Init SET_PARAMETER Init
Init SETUP Ready
Ready DESCRIBE Ready
Ready GET_PARAMETER Ready
Ready OPTIONS Ready
Ready PAUSE Ready
Ready PLAY Playing
Ready SET_PARAMETER Ready
Ready SETUP Ready
Ready TEARDOWN Init
Playing DESCRIBE Playing
Playing GET_PARAMETER Playing
Playing OPTIONS Playing
Playing PAUSE Ready
Playing PLAY Playing
Playing SET_PARAMETER Playing
Playing SETUP Playing
Playing TEARDOWN Init
";
        let table = table(Version::V2_0);
        let (reachable, _) = table.split_once("Recording ").unwrap();
        assert_eq!(reachable, expected);
    }
}
