//! Input files in all the shapes that readers meet, written by rules of their own: the
//! product's writers make only one of them.

/// An integer in the byte order of a file.
pub struct Order(pub bool);

impl Order {
    pub fn u16(&self, value: u16) -> [u8; 2] {
        if self.0 { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    pub fn u32(&self, value: u32) -> [u8; 4] {
        if self.0 { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    pub fn u64(&self, value: u64) -> [u8; 8] {
        if self.0 { value.to_be_bytes() } else { value.to_le_bytes() }
    }
}

/// A savefile in the making.
pub struct Savefile {
    pub order: Order,
    pub patched: bool,
    pub swapped: bool,
    pub bytes: Vec<u8>,
}

impl Savefile {
    pub fn new(big: bool, magic: u32, version: (u16, u16), link_field: u32) -> Self {
        let order = Order(big);
        let mut bytes = order.u32(magic).to_vec();
        bytes.extend(order.u16(version.0));
        bytes.extend(order.u16(version.1));
        bytes.extend([9; 8]); // time zone and accuracy, to be ignored
        bytes.extend(order.u32(65_535));
        bytes.extend(order.u32(link_field));
        Self { order, patched: magic == 0xa1b2_cd34, swapped: false, bytes }
    }

    pub fn record(&mut self, seconds: u32, fraction: u32, data: &[u8], original: u32) {
        let captured = u32::try_from(data.len()).unwrap();
        let lengths = if self.swapped { [original, captured] } else { [captured, original] };
        for value in [seconds, fraction, lengths[0], lengths[1]] {
            self.bytes.extend(self.order.u32(value));
        }
        if self.patched {
            self.bytes.extend([7; 8]); // interface, protocol, packet type
        }
        self.bytes.extend(data);
    }
}

/// A pcapng file in the making.
pub struct Blocks {
    pub order: Order,
    pub bytes: Vec<u8>,
}

impl Blocks {
    /// Begins with a section.
    pub fn new(big: bool) -> Self {
        let mut blocks = Self { order: Order(big), bytes: Vec::new() };
        blocks.section(big);
        blocks
    }

    pub fn section(&mut self, big: bool) {
        self.order = Order(big);
        let mut body = self.order.u32(0x1a2b_3c4d).to_vec();
        body.extend(self.order.u16(1));
        body.extend(self.order.u16(0));
        body.extend(self.order.u64(u64::MAX));
        body.extend(self.option(4, b"an application"));
        self.block(0x0a0d_0d0a, &body);
    }

    pub fn block(&mut self, kind: u32, body: &[u8]) {
        let length = u32::try_from(body.len().next_multiple_of(4) + 12).unwrap();
        self.bytes.extend(self.order.u32(kind));
        self.bytes.extend(self.order.u32(length));
        self.bytes.extend(body);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.bytes.extend(self.order.u32(length));
    }

    pub fn option(&self, code: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = self.order.u16(code).to_vec();
        bytes.extend(self.order.u16(u16::try_from(value.len()).unwrap()));
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    pub fn interface(&mut self, link: u16, snap_length: u32, options: &[(u16, &[u8])]) {
        let mut body = self.order.u16(link).to_vec();
        body.extend([0; 2]);
        body.extend(self.order.u32(snap_length));
        for (code, value) in options {
            body.extend(self.option(*code, value));
        }
        self.block(1, &body);
    }

    /// Enhanced packet block.
    pub fn packet(&mut self, interface: u32, ticks: u64, data: &[u8], original: u32) {
        self.packet_with(interface, ticks, data, original, &[]);
    }

    pub fn packet_with(
        &mut self,
        interface: u32,
        ticks: u64,
        data: &[u8],
        original: u32,
        options: &[(u16, &[u8])],
    ) {
        let mut body = self.order.u32(interface).to_vec();
        self.packet_rest(&mut body, ticks, data, original);
        body.resize(body.len().next_multiple_of(4), 0);
        for (code, value) in options {
            body.extend(self.option(*code, value));
        }
        self.block(6, &body);
    }

    /// The obsolete packet block.
    pub fn old_packet(
        &mut self,
        interface: u16,
        drops: u16,
        ticks: u64,
        data: &[u8],
        original: u32,
    ) {
        let mut body = self.order.u16(interface).to_vec();
        body.extend(self.order.u16(drops));
        self.packet_rest(&mut body, ticks, data, original);
        self.block(2, &body);
    }

    fn packet_rest(&self, body: &mut Vec<u8>, ticks: u64, data: &[u8], original: u32) {
        body.extend(self.order.u32(u32::try_from(ticks >> 32).unwrap()));
        body.extend(self.order.u32(u32::try_from(ticks & 0xffff_ffff).unwrap()));
        body.extend(self.order.u32(u32::try_from(data.len()).unwrap()));
        body.extend(self.order.u32(original));
        body.extend(data);
    }

    pub fn simple_packet(&mut self, data: &[u8], original: u32) {
        let mut body = self.order.u32(original).to_vec();
        body.extend(data);
        self.block(3, &body);
    }

    /// Interface statistics with the counters given.
    pub fn statistics(&mut self, interface: u32, counters: &[(u16, u64)]) {
        let mut body = self.order.u32(interface).to_vec();
        body.extend([0; 8]);
        for (code, value) in counters {
            body.extend(self.option(*code, &self.order.u64(*value)));
        }
        self.block(5, &body);
    }
}

pub fn gzip(plain: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

pub fn zstd(plain: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(plain, 1).unwrap()
}
