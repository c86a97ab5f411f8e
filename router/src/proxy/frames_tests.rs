//! Headers of every length, in pieces of every size.

use super::*;

/// One frame as a server sends it.
fn frame(first: u8, payload: usize) -> Vec<u8> {
    let mut frame = vec![first];
    match payload {
        0..=125 => frame.push(payload as u8),
        126..=0xffff => {
            frame.push(126);
            frame.extend((payload as u16).to_be_bytes());
        }
        _ => {
            frame.push(127);
            frame.extend((payload as u64).to_be_bytes());
        }
    }
    // The header of a close frame, if it were looked at.
    frame.extend([0x88, 0x00].iter().cycle().take(payload));
    frame
}

fn after(pieces: &[&[u8]]) -> Frames {
    let mut frames = Frames::default();
    pieces.iter().for_each(|piece| frames.pass(piece));
    frames
}

#[test]
fn before_the_first_byte_a_close_frame_fits() {
    assert!(Frames::default().may_close());
    assert!(after(&[b"", b""]).may_close());
}

#[test]
fn a_close_frame_fits_between_frames_of_every_length_and_nowhere_within_one_split_at_every_byte() {
    for payload in [0, 1, 2, 125, 126, 127, 300, 0xffff, 0x1_0000] {
        let frame = frame(0x81, payload);
        // Every split of short ones; of long ones those around the header and the end.
        let splits = (0..frame.len()).filter(|at| frame.len() < 400 || *at < 20 || *at > frame.len() - 3);
        for at in splits {
            let mut frames = after(&[&frame[..at]]);
            assert_eq!(frames.may_close(), at == 0, "{payload} bytes, split at {at}");
            frames.pass(&frame[at..]);
            assert!(frames.may_close(), "{payload} bytes, split at {at}");
        }
    }
}

#[test]
fn frames_byte_by_byte_are_the_frames_in_one_piece() {
    let all: Vec<u8> = [0, 5, 125, 126, 70_000, 3].iter().flat_map(|payload| frame(0x82, *payload)).collect();
    let mut single = Frames::default();
    let boundaries = all.iter().filter(|byte| {
        single.pass(std::slice::from_ref(*byte));
        single.may_close()
    });

    assert_eq!(boundaries.count(), 6);
    assert!(after(&[&all]).may_close());
}

#[test]
fn between_the_parts_of_a_message_a_close_frame_fits() {
    assert!(after(&[&frame(0x01, 10)]).may_close(), "the first part, more to come");
    assert!(after(&[&frame(0x01, 10), &frame(0x89, 0), &frame(0x00, 3)]).may_close());
}

#[test]
fn after_a_close_frame_there_is_no_second_one_whatever_follows() {
    let close = Goodbye::Idle.frame();

    assert!(!after(&[&close]).may_close());
    assert!(!after(&[&frame(0x81, 7), &close, &frame(0x81, 7)]).may_close());
    for at in 0..close.len() {
        assert!(!after(&[&close[..at], &close[at..]]).may_close(), "split at {at}");
    }
}

#[test]
fn the_mask_of_a_frame_belongs_to_it() {
    let masked = [0x81, 0x82, 1, 2, 3, 4, b'h', b'i'];
    for at in 1..masked.len() {
        assert!(!after(&[&masked[..at]]).may_close(), "{at} bytes");
    }
    assert!(after(&[&masked]).may_close());
}

#[test]
fn a_length_beyond_all_bounds_is_a_frame_that_does_not_end() {
    let endless = [&[0x82, 0xff][..], &[0xff; 8], &[0; 1000]].concat();

    assert!(!after(&[&endless]).may_close());
}

#[test]
fn what_is_no_websocket_at_all_is_survived() {
    let noise: Vec<u8> = (0..5000u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for size in 1..40 {
        let pieces: Vec<&[u8]> = noise.chunks(size).collect();
        assert_eq!(after(&pieces).may_close(), after(&[&noise]).may_close(), "pieces of {size}");
    }
}

#[test]
fn a_close_frame_of_ours_is_short_final_unmasked_and_says_code_and_reason() {
    for goodbye in [Goodbye::HubBroke, Goodbye::RouterStops, Goodbye::Idle] {
        let frame = goodbye.frame();

        assert_eq!(frame[0], 0x88);
        assert!(frame[1] <= 125 && usize::from(frame[1]) == frame.len() - 2, "{frame:?}");
        assert_eq!(u16::from_be_bytes([frame[2], frame[3]]), goodbye.code());
        assert!(std::str::from_utf8(&frame[4..]).unwrap().len() > 5);
    }
}
