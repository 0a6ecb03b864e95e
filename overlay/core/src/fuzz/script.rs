//! An input read as a script: small decisions, one after the other. An input that has ended goes
//! on as zeros, so every input is a script.

use arbitrary::Unstructured;

/// What is left of the input.
pub(crate) struct Script<'a>(Unstructured<'a>);

impl<'a> Script<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(Unstructured::new(bytes))
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        // Never an error: what is not there is zero.
        self.0.fill_buffer(&mut bytes).expect("zeros at the end");
        bytes
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    pub(crate) fn word(&mut self) -> u16 {
        u16::from_be_bytes(self.array())
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// A number below `limit`, which is at least 1.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::from(self.byte()) % limit
    }

    /// One of these.
    pub(crate) fn one_of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    /// As many bytes as are asked for, fewer at the end.
    pub(crate) fn bytes(&mut self, length: usize) -> &'a [u8] {
        let length = length.min(self.0.len());
        self.0.bytes(length).expect("that many are left")
    }

    pub(crate) fn rest(&mut self) -> &'a [u8] {
        self.bytes(usize::MAX)
    }

    /// Writes over a few bytes; mostly over none.
    pub(crate) fn edit(&mut self, bytes: &mut Vec<u8>) -> bool {
        let before = bytes.clone();
        let how = self.byte();
        for _ in 0..how % 8 / 2 {
            let (at, value) = (usize::from(self.word()), self.byte());
            if !bytes.is_empty() {
                let at = at % bytes.len();
                bytes[at] = value;
            }
        }
        match how >> 4 {
            14 => bytes.truncate(usize::from(self.word()) % (bytes.len() + 1)),
            15 => bytes.extend(self.bytes(usize::from(how & 0xf) * 4)),
            _ => {}
        }
        *bytes != before
    }
}
