//! Speed of the packet path.

fn main() {}
