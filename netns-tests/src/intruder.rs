//! A machine on the underlay that has no key, and what it can throw at the nodes.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blake2::digest::consts::U16;
use blake2::digest::{Digest as _, FixedOutput as _, KeyInit as _, Update as _};
use blake2::{Blake2s256, Blake2sMac};

use crate::fabric::Fabric;
use crate::frame::{checksum, ethernet};
use crate::netns::Netns;
use crate::packet::Sender;
use crate::relay::Random;
use crate::topology::Node;

/// Its own address on the underlay.
const ADDRESS: &str = "10.255.0.66";
/// Where the nodes listen.
const PORT: u16 = 51_820;
/// Bytes of a handshake initiation (WireGuard section 5.4.2).
const INITIATION: usize = 148;
/// Initiations made beforehand, so that throwing them costs little.
const STOCK: usize = 512;
/// Datagrams thrown before the clock is looked at.
const HANDFUL: u32 = 32;

/// What is thrown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Missile {
    /// Random bytes of any length up to 1,400.
    Garbage,
    /// Initiations that are random behind their first byte.
    Random,
    /// Initiations whose first MAC is right, as anybody can make them who knows a public key.
    Right,
}

/// The machine.
#[derive(Debug)]
pub struct Intruder {
    netns: Netns,
    wire: Sender,
    socket: UdpSocket,
    /// By node: its MAC address on the underlay and its public key.
    victims: Vec<([u8; 6], [u8; 32])>,
}

impl Intruder {
    /// Plugs it into the underlay's bridge.
    ///
    /// # Errors
    /// When a link or a socket cannot be had.
    pub fn plug(fabric: &Fabric) -> Result<Self> {
        let netns = Netns::create("x")?;
        let there = netns.path();
        let there = there
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let underlay = &fabric.underlay.netns;
        underlay.ip(&format!(
            "link add x0 type veth peer name eth0 netns {there}"
        ))?;
        underlay.ip("link set dev x0 master br0 up")?;
        netns.ip(&format!("addr add {ADDRESS}/24 dev eth0"))?;
        netns.ip("link set dev eth0 up")?;
        let wire = Sender::open(&netns, "eth0")?;
        let socket = netns.enter(|| UdpSocket::bind((ADDRESS, 0)))??;
        let victims = fabric
            .daemons
            .iter()
            .zip(&fabric.site.keys)
            .map(|(daemon, key)| {
                let key = STANDARD.decode(key)?;
                let key = key
                    .try_into()
                    .ok()
                    .context("a key that is not 32 bytes long")?;
                Ok((link_address(&daemon.netns)?, key))
            });
        let victims = victims.collect::<Result<_>>()?;
        Ok(Self {
            netns,
            wire,
            socket,
            victims,
        })
    }

    /// Throws at these nodes for as long as it is told to, from ever new addresses, at a rate
    /// or as fast as it can; gives how many datagrams went out.
    ///
    /// # Errors
    /// When its interface is gone.
    pub fn throw(
        &self,
        missile: Missile,
        at: &[Node],
        rate: Option<u32>,
        go_on: impl Fn() -> bool,
    ) -> Result<u64> {
        let mut random = Random::new(0x1077_5eed);
        let stock: Vec<Vec<Vec<u8>>> = at
            .iter()
            .map(|node| {
                (0..STOCK)
                    .map(|_| self.missile(missile, *node, &mut random))
                    .collect()
            })
            .collect();
        let (started, mut thrown) = (Instant::now(), 0_u64);
        while go_on() {
            for _ in 0..HANDFUL {
                let (victim, one) = (random.below(stock.len()), random.below(STOCK));
                let mut frame = stock[victim][one].clone();
                // Another source each time: nobody is held to the limit of one source.
                let source = random.bits().to_be_bytes();
                frame[26..30].copy_from_slice(&[198, 18 | source[0] & 1, source[1], source[2]]);
                fill_in_sum(&mut frame);
                self.wire.send(&frame)?;
                thrown += 1;
            }
            if let Some(rate) = rate {
                let due = Duration::from_secs_f64(thrown as f64 / f64::from(rate));
                std::thread::sleep(due.saturating_sub(started.elapsed()));
            }
        }
        Ok(thrown)
    }

    /// Sends a datagram of this length from its own address, in fragments where it must.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn send(&self, to: Node, length: usize) -> Result<()> {
        let to: SocketAddr = format!("{}:{PORT}", to.underlay()).parse()?;
        // A datagram that looks like data of a session, which is where a length can hurt.
        let mut bytes = vec![0x5a; length];
        for (byte, value) in bytes.iter_mut().zip([4, 0, 0, 0]) {
            *byte = value;
        }
        let sent = self.socket.send_to(&bytes, to)?;
        ensure!(sent == length, "{sent} of {length} bytes went out");
        Ok(())
    }

    /// Where it lives.
    pub fn netns(&self) -> &Netns {
        &self.netns
    }

    fn missile(&self, missile: Missile, at: Node, random: &mut Random) -> Vec<u8> {
        let (mac, key) = &self.victims[at.index()];
        let length = match missile {
            Missile::Garbage => 1 + random.below(1_400),
            Missile::Random | Missile::Right => INITIATION,
        };
        let mut payload = vec![0; length];
        random.fill(&mut payload);
        if missile != Missile::Garbage {
            payload[..4].copy_from_slice(&[1, 0, 0, 0]);
        }
        if missile == Missile::Right {
            let sum = first_mac(key, &payload[..116]);
            payload[116..132].copy_from_slice(&sum);
        }
        datagram(*mac, at, &payload)
    }
}

/// `mac1` (WireGuard section 5.4.4).
fn first_mac(key: &[u8; 32], message: &[u8]) -> [u8; 16] {
    let label = Blake2s256::new()
        .chain(b"mac1----")
        .chain(key)
        .finalize_fixed();
    let keyed = Blake2sMac::<U16>::new_from_slice(&label);
    keyed.map_or([0; 16], |mac| mac.chain(message).finalize_fixed().into())
}

/// A UDP datagram to a node; source address and header checksum come last.
fn datagram(mac: [u8; 6], to: Node, payload: &[u8]) -> Vec<u8> {
    let mut frame = ethernet(mac, [2, 0, 0, 0, 0x66, 0x66], 0x0800);
    let short = |number: usize| u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes();
    let [high, low] = short(28 + payload.len());
    frame.extend_from_slice(&[0x45, 0, high, low, 0, 0, 0x40, 0, 64, 17, 0, 0, 0, 0, 0, 0]);
    frame.extend_from_slice(&[10, 255, 0, to.0]);
    let [high, low] = PORT.to_be_bytes();
    frame.extend_from_slice(&[0xc0, 0x01, high, low]);
    // Without a checksum (RFC 768).
    frame.extend_from_slice(&short(8 + payload.len()));
    frame.extend_from_slice(&[0, 0]);
    frame.extend_from_slice(payload);
    frame
}

fn fill_in_sum(frame: &mut [u8]) {
    frame[24..26].fill(0);
    let sum = checksum(&frame[14..34], 0);
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
}

/// MAC address of a node on the underlay.
fn link_address(netns: &Netns) -> Result<[u8; 6]> {
    let text = netns.ip("-json link show dev eth0")?;
    let links: serde_json::Value = serde_json::from_str(&text)?;
    let address = links[0]["address"]
        .as_str()
        .context("eth0 has no address")?;
    let bytes: Vec<u8> = address
        .split(':')
        .map(|byte| u8::from_str_radix(byte, 16))
        .collect::<Result<_, _>>()?;
    bytes
        .try_into()
        .ok()
        .context("an address that is not six bytes long")
}
