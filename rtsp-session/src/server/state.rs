//! The state machine of a session: one list of transitions a version, under the table of its RFC.

use rtsp_msg::{Method, StatusCode, Version};

/// What a session is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // RFC 2326 §A and RFC 7826 §B name these four and no other.
pub enum State {
    /// No media set up: the session does not exist yet, or no longer.
    Init,
    /// Media set up, nothing flows.
    Ready,
    /// Media flow to the peer.
    Play,
    /// Media flow from the peer (RTSP/1.0 only).
    Record,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Init, Self::Ready, Self::Play, Self::Record];
}

/// What happens to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// SETUP of a media that is not set up yet ("New URI").
    Setup,
    /// SETUP of a media that is set up already, without a word on interruption.
    SetupAgain,
    /// PLAY of the presentation, or of its only media.
    Play,
    /// PLAY of one media out of several.
    PlayMedia,
    /// PAUSE of the presentation, or of its only media.
    Pause,
    /// PAUSE of one media out of several.
    PauseMedia,
    /// RECORD of the presentation, or of its only media.
    Record,
    /// RECORD of one media out of several.
    RecordMedia,
    /// TEARDOWN of the presentation, or of its only media.
    Teardown,
    /// TEARDOWN of one media out of several.
    TeardownMedia,
    /// The range or the media ended.
    EndOfMedia,
    /// The peer showed no sign of life for the timeout.
    Timeout,
    /// REDIRECT was sent and takes effect at once.
    Redirect,
    /// REDIRECT was sent with a time that lies ahead.
    RedirectLater,
    /// That time came.
    RedirectReached,
}

impl Event {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Setup,
        Self::SetupAgain,
        Self::Play,
        Self::PlayMedia,
        Self::Pause,
        Self::PauseMedia,
        Self::Record,
        Self::RecordMedia,
        Self::Teardown,
        Self::TeardownMedia,
        Self::EndOfMedia,
        Self::Timeout,
        Self::Redirect,
        Self::RedirectLater,
        Self::RedirectReached,
    ];
}

/// What an event does in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Complete by nature: it goes on or is refused for one of the reasons the RFCs give.
pub enum Step {
    /// The session is in this state afterwards.
    To(State),
    /// Not in this state: 455.
    WrongState,
    /// Only for the presentation as a whole: 460.
    OnlyAggregate,
    /// This version of RTSP does not know it: 501.
    Unknown,
}

use Event as E;
use State::{Init, Play, Ready, Record};
use Step::{OnlyAggregate, To};

/// RFC 2326 §A.2. What is not listed is 455.
///
/// ```text
/// state      message        next state
/// Init       SETUP          Ready
///            TEARDOWN       Init
/// Ready      PLAY           Playing
///            SETUP          Ready
///            TEARDOWN       Init
///            RECORD         Recording
/// Playing    PLAY           Playing
///            PAUSE          Ready
///            TEARDOWN       Init
///            SETUP          Playing      a change of transport; here 455 for a new media
/// Recording  RECORD         Recording
///            PAUSE          Ready
///            TEARDOWN       Init
///            SETUP          Recording    here 455
/// ```
///
/// One media of several: TEARDOWN frees only that (RFC 2326 §10.7); PLAY, PAUSE and RECORD are for the presentation as a whole
/// (§10.6 would allow muting one stream, §11.3.11 offers 460). The end of a range is an automatic PAUSE (§A.2).
const RFC_2326: &[(State, Event, Step)] = &[
    (Init, E::Setup, To(Ready)),
    (Init, E::Teardown, To(Init)),
    (Ready, E::Setup, To(Ready)),
    (Ready, E::SetupAgain, To(Ready)),
    (Ready, E::Play, To(Play)),
    (Ready, E::PlayMedia, OnlyAggregate),
    (Ready, E::Record, To(Record)),
    (Ready, E::RecordMedia, OnlyAggregate),
    (Ready, E::Teardown, To(Init)),
    (Ready, E::TeardownMedia, To(Ready)),
    (Ready, E::Timeout, To(Init)),
    (Ready, E::Redirect, To(Init)),
    (Ready, E::RedirectLater, To(Ready)),
    (Ready, E::RedirectReached, To(Init)),
    (Play, E::SetupAgain, To(Play)),
    (Play, E::Play, To(Play)),
    (Play, E::PlayMedia, OnlyAggregate),
    (Play, E::Pause, To(Ready)),
    (Play, E::PauseMedia, OnlyAggregate),
    (Play, E::Teardown, To(Init)),
    (Play, E::TeardownMedia, To(Play)),
    (Play, E::EndOfMedia, To(Ready)),
    (Play, E::Timeout, To(Init)),
    (Play, E::Redirect, To(Init)),
    (Play, E::RedirectLater, To(Play)),
    (Play, E::RedirectReached, To(Init)),
    (Record, E::Record, To(Record)),
    (Record, E::RecordMedia, OnlyAggregate),
    (Record, E::Pause, To(Ready)),
    (Record, E::PauseMedia, OnlyAggregate),
    (Record, E::Teardown, To(Init)),
    (Record, E::TeardownMedia, To(Record)),
    (Record, E::EndOfMedia, To(Ready)),
    (Record, E::Timeout, To(Init)),
    (Record, E::Redirect, To(Init)),
    (Record, E::RedirectLater, To(Record)),
    (Record, E::RedirectReached, To(Init)),
];

/// RFC 7826 §B.4, tables 10 to 12. What is not listed is 455.
///
/// ```text
/// Init    SETUP                          Ready
/// Ready   SETUP new URI                  Ready    NRM += 1
///         SETUP of a URI set up prior    Ready    change of transport
///         TEARDOWN presentation          Init
///         TEARDOWN media, NRM = 1        Init
///         TEARDOWN media, NRM > 1        Ready
///         PLAY presentation              Play
///         PLAY media, NRM = 1            Play
///         PAUSE presentation             Ready
///         REDIRECT at a time / at once   Ready / Init
///         redirect point reached         Init
///         timeout                        Init
/// Play    PAUSE presentation             Ready
///         end of media or range          Play
///         PLAY presentation              Play
///         SETUP new URI                  455
///         SETUP of a URI set up prior    Play     change of transport (§13.3.1; the table has 455, which §13.3 has not)
///         TEARDOWN presentation          Init
///         TEARDOWN media, NRM = 1        Init
///         TEARDOWN media                 455
///         REDIRECT at a time / at once   Play / Init
///         redirect point reached         Init
///         timeout                        Init
/// ```
const RFC_7826: &[(State, Event, Step)] = &[
    (Init, E::Setup, To(Ready)),
    (Ready, E::Setup, To(Ready)),
    (Ready, E::SetupAgain, To(Ready)),
    (Ready, E::Teardown, To(Init)),
    (Ready, E::TeardownMedia, To(Ready)),
    (Ready, E::Play, To(Play)),
    (Ready, E::PlayMedia, OnlyAggregate),
    (Ready, E::Pause, To(Ready)),
    (Ready, E::PauseMedia, OnlyAggregate),
    (Ready, E::Redirect, To(Init)),
    (Ready, E::RedirectLater, To(Ready)),
    (Ready, E::RedirectReached, To(Init)),
    (Ready, E::Timeout, To(Init)),
    (Play, E::SetupAgain, To(Play)),
    (Play, E::Pause, To(Ready)),
    (Play, E::PauseMedia, OnlyAggregate),
    (Play, E::EndOfMedia, To(Play)),
    (Play, E::Play, To(Play)),
    (Play, E::PlayMedia, OnlyAggregate),
    (Play, E::Teardown, To(Init)),
    (Play, E::Redirect, To(Init)),
    (Play, E::RedirectLater, To(Play)),
    (Play, E::RedirectReached, To(Init)),
    (Play, E::Timeout, To(Init)),
];

/// What `event` does in `state`.
#[must_use]
pub fn step(version: Version, state: State, event: Event) -> Step {
    let list = match version {
        // RECORD is not a method of RTSP/2.0 (RFC 7826 §H).
        Version::V2_0 if matches!(event, E::Record | E::RecordMedia) => return Step::Unknown,
        Version::V2_0 => RFC_7826,
        _ => RFC_2326,
    };
    list.iter()
        .find(|(from, on, _)| (*from, *on) == (state, event))
        .map_or(Step::WrongState, |(_, _, step)| *step)
}

/// Whether an answer with this status ends the session of its request (RFC 7826 §B.4): a redirection does, 304 is none. 4xx and
/// 5xx leave all as it was; what cannot be recovered from ends the session by itself, and the next answer is 454.
#[must_use]
pub fn ends_session(status: StatusCode) -> bool {
    status.is_redirection() && status != StatusCode::NOT_MODIFIED
}

/// The methods that a session answers in this state, in the order of an Allow header.
#[must_use]
pub fn allowed(version: Version, state: State) -> Vec<Method> {
    let changing = [
        (Method::Setup, E::Setup),
        (Method::Play, E::Play),
        (Method::Pause, E::Pause),
        (Method::Record, E::Record),
        (Method::Teardown, E::Teardown),
    ];
    let always = [
        Method::Options,
        Method::Describe,
        Method::GetParameter,
        Method::SetParameter,
    ];
    let valid = changing
        .into_iter()
        .filter(|(_, event)| matches!(step(version, state, *event), To(_)));
    always
        .into_iter()
        .chain(valid.map(|(method, _)| method))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    /// The whole table. A change of behaviour shows here as a change of one cell.
    const SNAPSHOT: &str = "\
RTSP/1.0         Init    Ready   Play    Record
Setup            Ready   Ready   455     455
SetupAgain       455     Ready   Play    455
Play             455     Play    Play    455
PlayMedia        455     460     460     455
Pause            455     455     Ready   Ready
PauseMedia       455     455     460     460
Record           455     Record  455     Record
RecordMedia      455     460     455     460
Teardown         Init    Init    Init    Init
TeardownMedia    455     Ready   Play    Record
EndOfMedia       455     455     Ready   Ready
Timeout          455     Init    Init    Init
Redirect         455     Init    Init    Init
RedirectLater    455     Ready   Play    Record
RedirectReached  455     Init    Init    Init
RTSP/2.0         Init    Ready   Play    Record
Setup            Ready   Ready   455     455
SetupAgain       455     Ready   Play    455
Play             455     Play    Play    455
PlayMedia        455     460     460     455
Pause            455     Ready   Ready   455
PauseMedia       455     460     460     455
Record           501     501     501     501
RecordMedia      501     501     501     501
Teardown         455     Init    Init    455
TeardownMedia    455     Ready   455     455
EndOfMedia       455     455     Play    455
Timeout          455     Init    Init    455
Redirect         455     Init    Init    455
RedirectLater    455     Ready   Play    455
RedirectReached  455     Init    Init    455
";

    #[test]
    fn the_whole_table() {
        let mut table = String::new();
        for version in [Version::V1_0, Version::V2_0] {
            writeln!(
                table,
                "{:<17}Init    Ready   Play    Record",
                version.to_string()
            )
            .unwrap();
            for event in Event::ALL {
                let mut line = format!("{:<17}", format!("{event:?}"));
                for state in State::ALL {
                    let cell = match step(version, state, event) {
                        To(state) => format!("{state:?}"),
                        Step::WrongState => "455".into(),
                        OnlyAggregate => "460".into(),
                        Step::Unknown => "501".into(),
                    };
                    write!(line, "{cell:<8}").unwrap();
                }
                writeln!(table, "{}", line.trim_end()).unwrap();
            }
        }
        assert!(table == SNAPSHOT, "the table is now\n{table}");
    }

    #[test]
    fn no_transition_is_listed_twice() {
        for list in [RFC_2326, RFC_7826] {
            for (index, (state, event, _)) in list.iter().enumerate() {
                let same = list
                    .iter()
                    .filter(|(s, e, _)| (s, e) == (state, event))
                    .count();
                assert_eq!(same, 1, "entry {index}: {state:?} {event:?}");
            }
        }
    }

    #[test]
    fn allow_lists() {
        let names = |version, state| {
            allowed(version, state)
                .iter()
                .map(|m| m.as_str().to_owned())
                .collect::<Vec<_>>()
                .join(",")
        };
        assert_eq!(
            names(Version::V1_0, State::Play),
            "OPTIONS,DESCRIBE,GET_PARAMETER,SET_PARAMETER,PLAY,PAUSE,TEARDOWN"
        );
        assert_eq!(
            names(Version::V2_0, State::Ready),
            "OPTIONS,DESCRIBE,GET_PARAMETER,SET_PARAMETER,SETUP,PLAY,PAUSE,TEARDOWN"
        );
        assert!(names(Version::V1_0, State::Ready).contains("RECORD"));
    }
}
