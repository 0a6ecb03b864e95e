//! What may go wrong on the way from one node to another, and how often it did.

use std::ops::AddAssign;
use std::time::Duration;

use super::random::Share;

/// Everything that is wrong with one direction of a path. The default is a good path.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Fault {
    /// Nothing passes.
    pub cut: bool,
    /// IP packets longer than this vanish, and nobody is told: an MTU black hole.
    pub largest: Option<usize>,
    /// Datagrams that vanish.
    pub loss: Share,
    /// Datagrams that arrive twice.
    pub duplicate: Share,
    /// Datagrams of which one bit is another.
    pub flip: Share,
    /// Datagrams that lose a part of their end.
    pub truncate: Share,
    /// Datagrams that are marked, as by a congested router, of those that say they may be.
    pub mark: Share,
    /// Datagrams that later ones overtake.
    pub reorder: Share,
    /// How many later ones overtake each of those.
    pub distance: u64,
    /// How long everything takes.
    pub delay: Duration,
}

impl Fault {
    /// A path on which nothing passes.
    pub const CUT: Self = Self {
        cut: true,
        ..Self::GOOD
    };

    /// A path on which everything passes.
    pub const GOOD: Self = Self {
        cut: false,
        largest: None,
        loss: Share(0),
        duplicate: Share(0),
        flip: Share(0),
        truncate: Share(0),
        mark: Share(0),
        reorder: Share(0),
        distance: 0,
        delay: Duration::ZERO,
    };
}

/// What was done to the packets of one direction.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Done {
    /// Packets that came.
    pub came: u64,
    /// Packets that went on, copies included.
    pub went: u64,
    /// Packets of a path that was cut.
    pub cut: u64,
    /// Packets that were too long.
    pub too_long: u64,
    /// Datagrams lost.
    pub lost: u64,
    /// Datagrams sent twice.
    pub duplicated: u64,
    /// Datagrams with a bit flipped.
    pub flipped: u64,
    /// Datagrams cut short.
    pub truncated: u64,
    /// Datagrams marked.
    pub marked: u64,
    /// Datagrams that as many later ones overtook as was asked.
    pub overtaken: u64,
    /// Datagrams that were held back to be overtaken, and let go because too few followed.
    pub let_go: u64,
}

impl AddAssign for Done {
    fn add_assign(&mut self, more: Self) {
        let Self {
            came,
            went,
            cut,
            too_long,
            lost,
            duplicated,
            flipped,
            truncated,
            marked,
            overtaken,
            let_go,
        } = more;
        self.came += came;
        self.went += went;
        self.cut += cut;
        self.too_long += too_long;
        self.lost += lost;
        self.duplicated += duplicated;
        self.flipped += flipped;
        self.truncated += truncated;
        self.marked += marked;
        self.overtaken += overtaken;
        self.let_go += let_go;
    }
}
