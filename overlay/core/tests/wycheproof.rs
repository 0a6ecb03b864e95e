//! Project Wycheproof's vectors for the ciphers that boringtun links: every one of them, for the
//! implementations that this workspace builds.

#![allow(
    clippy::panic,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use wycheproof::aead::{self, Test};
use wycheproof::{TestResult, xdh};
use x25519_dalek::{PublicKey, StaticSecret};

/// What an implementation made of a vector: the plaintext, and the ciphertext with its tag.
type Opened = Option<(Vec<u8>, Vec<u8>)>;

/// Vectors that must pass, and vectors that must not.
#[derive(Debug, Default, Eq, PartialEq)]
struct Counts {
    valid: usize,
    invalid: usize,
}

fn run_aead(name: aead::TestName, run: impl Fn(&Test) -> Opened) -> Counts {
    let set = aead::TestSet::load(name).unwrap();
    let mut counts = Counts::default();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let sealed = [&test.ct[..], &test.tag[..]].concat();
        let opened = run(test);
        if test.result == TestResult::Valid {
            counts.valid += 1;
            assert_eq!(opened, Some((test.pt.to_vec(), sealed)), "{}", test.tc_id);
        } else {
            counts.invalid += 1;
            assert_eq!(opened, None, "{} {}", test.tc_id, test.comment);
        }
    }
    assert_eq!(counts.valid + counts.invalid, set.number_of_tests);
    counts
}

/// Data messages (WireGuard paper, section 5.4.6), by way of `ring`.
fn chacha20_poly1305(test: &Test) -> Opened {
    let key = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &test.key).ok()?);
    let nonce = || Nonce::try_assume_unique_for_key(&test.nonce).ok();
    let mut bytes = [&test.ct[..], &test.tag[..]].concat();
    let opened = key.open_in_place(nonce()?, Aad::from(&test.aad), &mut bytes);
    let plain = opened.ok()?.to_vec();
    let mut sealed = plain.clone();
    key.seal_in_place_append_tag(nonce()?, Aad::from(&test.aad), &mut sealed)
        .unwrap();
    Some((plain, sealed))
}

/// Cookie replies (WireGuard paper, section 5.4.7).
fn xchacha20_poly1305(test: &Test) -> Opened {
    let key = XChaCha20Poly1305::new_from_slice(&test.key).ok()?;
    // The type of a nonce has a length; others cannot be written down.
    if test.nonce.len() != 24 {
        return None;
    }
    let nonce = XNonce::from_slice(&test.nonce);
    let aad = &test.aad[..];
    let msg = &[&test.ct[..], &test.tag[..]].concat();
    let plain = key.decrypt(nonce, Payload { msg, aad }).ok()?;
    let sealed = key.encrypt(nonce, Payload { msg: &plain, aad }).unwrap();
    Some((plain, sealed))
}

#[test]
fn chacha20_poly1305_is_as_wycheproof_says() {
    let counts = run_aead(aead::TestName::ChaCha20Poly1305, chacha20_poly1305);
    assert_eq!(
        counts,
        Counts {
            valid: 256,
            invalid: 69
        }
    );
}

#[test]
fn xchacha20_poly1305_is_as_wycheproof_says() {
    let counts = run_aead(aead::TestName::XChaCha20Poly1305, xchacha20_poly1305);
    assert_eq!(
        counts,
        Counts {
            valid: 246,
            invalid: 69
        }
    );
}

/// Every vector has a shared secret that must come out. Those of low order give zero, which
/// WireGuard does not mind: the static keys are in the hash as well.
#[test]
fn x25519_is_as_wycheproof_says() {
    let set = xdh::TestSet::load(xdh::TestName::X25519).unwrap();
    let mut counts = Counts::default();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let secret: [u8; 32] = test.private_key[..].try_into().unwrap();
        let Ok(public) = <[u8; 32]>::try_from(&test.public_key[..]) else {
            assert_eq!(test.result, TestResult::Invalid, "{}", test.tc_id);
            counts.invalid += 1;
            continue;
        };
        let shared = StaticSecret::from(secret).diffie_hellman(&PublicKey::from(public));
        assert_eq!(
            shared.as_bytes()[..],
            test.shared_secret[..],
            "{}",
            test.tc_id
        );
        assert_ne!(test.result, TestResult::Invalid, "{}", test.tc_id);
        counts.valid += 1;
    }
    assert_eq!(
        counts,
        Counts {
            valid: 518,
            invalid: 0
        }
    );
}
