//! SMPTE time codes (RFC 7826 §4.4.1, RFC 2326 §3.5).

use alloc::string::String;
use core::fmt::Write;
use core::time::Duration;

use super::lex;

/// Which frames a time code counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SmpteRate {
    /// `smpte`: 29.97 frames a second with drop, as the RFCs define it.
    Default,
    /// `smpte-30-drop`: the same by name.
    Drop30,
    /// `smpte-25`: 25 frames a second.
    Rate25,
}

impl SmpteRate {
    /// The unit's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "smpte",
            Self::Drop30 => "smpte-30-drop",
            Self::Rate25 => "smpte-25",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Default, Self::Drop30, Self::Rate25]
            .into_iter()
            .find(|rate| text.eq_ignore_ascii_case(rate.as_str()))
    }

    /// How long a hundredth of a frame is: nanoseconds, and the number to divide them by.
    const fn hundredth(self) -> (u64, u64) {
        match self {
            Self::Default | Self::Drop30 => (1_001_000_000, 3_000),
            Self::Rate25 => (400_000, 1),
        }
    }

    /// Frame numbers in one second of time code.
    pub const fn frames(self) -> u8 {
        match self {
            Self::Default | Self::Drop30 => 30,
            Self::Rate25 => 25,
        }
    }
}

/// A time code: `hours:minutes:seconds[:frames[.subframes]]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_structs)] // complete by its grammar
pub struct SmpteTime {
    /// 0 to 99.
    pub hours: u8,
    /// 0 to 59.
    pub minutes: u8,
    /// 0 to 59.
    pub seconds: u8,
    /// Below the rate's number of frames.
    pub frames: u8,
    /// Hundredths of a frame, 0 to 99.
    pub subframes: u8,
}

impl SmpteTime {
    /// Reads a time code; `None` when a part is out of its range.
    pub fn parse(text: &str, rate: SmpteRate) -> Option<Self> {
        let mut parts = text.split(':');
        let mut part = |below: u8| {
            parts
                .next()
                .and_then(|text| lex::number::<u8>(text, 2))
                .filter(|&part| part < below)
        };
        let (hours, minutes, seconds) = (part(100)?, part(60)?, part(60)?);
        let (frames, subframes) = match parts.next() {
            Some(text) => match text.split_once('.') {
                Some((frames, subframes)) => (lex::number(frames, 2)?, lex::number(subframes, 2)?),
                None => (lex::number(text, 2)?, 0),
            },
            None => (0, 0),
        };
        let valid = parts.next().is_none() && frames < rate.frames();
        valid.then_some(Self {
            hours,
            minutes,
            seconds,
            frames,
            subframes,
        })
    }

    /// Which frame this is, counted from the time code 0. With drop, numbers 0 and 1 are left out at the start of each
    /// minute but every tenth; a code that names one of those yields the frame before.
    pub fn frame_number(self, rate: SmpteRate) -> u32 {
        let minutes = u32::from(self.hours) * 60 + u32::from(self.minutes);
        let counted = (minutes * 60 + u32::from(self.seconds)) * u32::from(rate.frames())
            + u32::from(self.frames);
        match rate {
            SmpteRate::Default | SmpteRate::Drop30 => {
                counted.saturating_sub(2 * (minutes - minutes / 10))
            }
            SmpteRate::Rate25 => counted,
        }
    }

    /// Time from time code 0 to this one, at the rate's true pace: 29.97 frames a second where numbers are dropped.
    pub fn to_duration(self, rate: SmpteRate) -> Duration {
        let hundredths = u64::from(self.frame_number(rate)) * 100 + u64::from(self.subframes);
        let (nanoseconds, per) = rate.hundredth();
        // Rounded up, so that `at` finds the same time code again.
        Duration::from_nanos((hundredths * nanoseconds).div_ceil(per))
    }

    /// The time code at or just before a moment, to the hundredth of a frame; `None` from 100 hours on.
    pub fn at(time: Duration, rate: SmpteRate) -> Option<Self> {
        if time.as_secs() > 101 * 3600 {
            return None;
        }
        let (nanoseconds, per) = rate.hundredth();
        let hundredths = time.as_nanos() * u128::from(per) / u128::from(nanoseconds);
        let frame = u32::try_from(hundredths / 100).ok()?;
        let counted = match rate {
            SmpteRate::Default | SmpteRate::Drop30 => {
                // In ten minutes nine times two numbers are dropped.
                let (tens, rest) = (frame / 17_982, frame % 17_982);
                frame + 18 * tens + 2 * (rest.saturating_sub(2) / 1798)
            }
            SmpteRate::Rate25 => frame,
        };
        let frames = u32::from(rate.frames());
        let seconds = counted / frames;
        let part = |number: u32| u8::try_from(number).ok();
        Some(Self {
            hours: part(seconds / 3600).filter(|&hours| hours < 100)?,
            minutes: part(seconds / 60 % 60)?,
            seconds: part(seconds % 60)?,
            frames: part(counted % frames)?,
            subframes: (hundredths % 100) as u8,
        })
    }

    /// Appends the time code, frames only where there are any.
    pub fn push(self, out: &mut String) {
        let Self {
            hours,
            minutes,
            seconds,
            frames,
            subframes,
        } = self;
        let _ = write!(out, "{hours:02}:{minutes:02}:{seconds:02}");
        if (frames, subframes) != (0, 0) {
            let _ = write!(out, ":{frames:02}");
        }
        if subframes != 0 {
            let _ = write!(out, ".{subframes:02}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r2_time_08_drop_frames() {
        let frame = |text| {
            SmpteTime::parse(text, SmpteRate::Default)
                .unwrap()
                .frame_number(SmpteRate::Default)
        };
        assert_eq!(frame("00:00:59:29"), 1799);
        assert_eq!(frame("00:01:00:02"), 1800);
        assert_eq!(frame("00:10:00:00"), 17982);
        assert_eq!(frame("01:00:00:00"), 107_892);
        let pal = SmpteTime::parse("00:01:00:02", SmpteRate::Rate25).unwrap();
        assert_eq!(pal.frame_number(SmpteRate::Rate25), 1502);
    }

    #[test]
    fn time_codes_and_durations() {
        use SmpteRate::{Default, Drop30, Rate25};
        for (text, rate, nanos) in [
            ("00:00:05", Rate25, 5_000_000_000),
            ("00:00:05:12.50", Rate25, 5_500_000_000),
            ("00:00:01", Default, 1_001_000_000),
            ("00:00:00:01", Drop30, 33_366_667),
            // 17982 frames: with drop this is ten minutes but for 0.6 ms.
            ("00:10:00", Drop30, 599_999_400_000),
        ] {
            let time = SmpteTime::parse(text, rate).unwrap();
            assert_eq!(time.to_duration(rate).as_nanos(), nanos, "{text}");
            assert_eq!(SmpteTime::at(time.to_duration(rate), rate), Some(time));
        }
        // Each frame of twenty minutes has a time code of its own, and finds back.
        for rate in [Default, Rate25] {
            let mut before = None;
            for frame in 0..36_000_u64 {
                let (nanoseconds, per) = rate.hundredth();
                let time = Duration::from_nanos((frame * 100 * nanoseconds).div_ceil(per));
                let code = SmpteTime::at(time, rate).unwrap();
                assert_eq!(u64::from(code.frame_number(rate)), frame, "{code:?}");
                assert!(before < Some(code), "{before:?} {code:?}");
                before = Some(code);
            }
        }
        assert_eq!(SmpteTime::at(Duration::from_secs(360_000), Rate25), None);
        assert_eq!(SmpteTime::at(Duration::MAX, Default), None);
    }
}
