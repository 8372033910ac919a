//! `wire_struct!`: a fixed-size structure described once, used both ways.

/// Describes a fixed-size structure as rows of `offset name: order type`, where the order is
/// `be`, `le` or, for byte arrays, `raw`.
///
/// One description gives the owned struct, a `Copy` view over the captured bytes with one
/// accessor per field, `LEN`, `parse`, `emit`, and a proof at compile time that the fields
/// tile `0..LEN` without gap or overlap. The view holds `&[u8; LEN]` instead of `&[u8]`: the
/// length is part of the type, so accessors need neither bounds checks nor `unsafe`.
macro_rules! wire_struct {
    ($(#[$meta:meta])*
     pub struct $Owned:ident / $View:ident [$len:literal] {
        $($(#[$field_meta:meta])* $offset:literal $name:ident: $order:ident $type:ty,)+
     }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $Owned { $($(#[$field_meta])* pub $name: $type,)+ }

        #[doc = concat!("The bytes of a [`", stringify!($Owned), "`] where they lie in the input.")]
        #[derive(Debug, Clone, Copy)]
        pub struct $View<'a>(&'a [u8; $len]);

        impl<'a> $View<'a> {
            /// Looks at the start of `bytes`; `None` when they are too few.
            #[inline]
            pub fn peek(bytes: &'a [u8]) -> Option<Self> {
                bytes.first_chunk::<$len>().map(Self)
            }

            $($(#[$field_meta])* #[inline] pub fn $name(self) -> $type {
                let field = $crate::wire::field::<$offset, { size_of::<$type>() }, $len>(self.0);
                $crate::wire::wire_struct!(@get $order $type, field)
            })+
        }

        impl $Owned {
            /// Size on the wire, in bytes.
            pub const LEN: usize = $len;

            /// Borrows the next `LEN` bytes.
            ///
            /// # Errors
            /// [`Cause::Truncated`](crate::wire::Cause::Truncated).
            #[inline]
            pub fn view<'a>(
                r: &mut $crate::wire::Reader<'a>,
            ) -> Result<$View<'a>, $crate::wire::WireError> {
                Ok($View(r.array::<$len>()?))
            }

            /// Reads every field.
            ///
            /// # Errors
            /// [`Cause::Truncated`](crate::wire::Cause::Truncated).
            pub fn parse(
                r: &mut $crate::wire::Reader<'_>,
            ) -> Result<Self, $crate::wire::WireError> {
                let view = Self::view(r)?;
                Ok(Self { $($name: view.$name(),)+ })
            }

            /// Appends every field, in order.
            pub fn emit(&self, w: &mut $crate::wire::Writer<'_>) {
                $(w.bytes(&$crate::wire::wire_struct!(@put $order self.$name));)+
            }
        }

        const _: () = {
            let mut at = 0;
            $(
                assert!(at == $offset, concat!("gap or overlap before `", stringify!($name), "`"));
                at += size_of::<$type>();
            )+
            assert!(at == $len, "fields do not fill the structure");
        };
    };
    (@get be $type:ty, $field:ident) => { <$type>::from_be_bytes($field) };
    (@get le $type:ty, $field:ident) => { <$type>::from_le_bytes($field) };
    (@get raw $type:ty, $field:ident) => { $field };
    (@put be $value:expr) => { $value.to_be_bytes() };
    (@put le $value:expr) => { $value.to_le_bytes() };
    (@put raw $value:expr) => { $value };
}
pub(crate) use wire_struct;

/// The `N` bytes at offset `AT`; that they lie inside is proved at compile time.
#[inline]
pub(crate) fn field<const AT: usize, const N: usize, const LEN: usize>(
    bytes: &[u8; LEN],
) -> [u8; N] {
    const { assert!(AT + N <= LEN, "the field ends behind the structure") };
    let mut field = [0; N];
    field.copy_from_slice(&bytes[AT..AT + N]);
    field
}

#[cfg(test)]
mod tests {
    use crate::wire::{Cause, Reader, WireError, Writer};

    wire_struct! {
        /// Something of everything.
        pub struct Mixed / MixedView [9] {
            /// Big-endian.
            0 big: be u32,
            /// Little-endian.
            4 little: le u16,
            /// As it lies.
            6 raw: raw [u8; 3],
        }
    }

    const BYTES: [u8; 9] = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    const VALUE: Mixed = Mixed { big: 0x0102_0304, little: 0x0605, raw: [7, 8, 9] };

    #[test]
    fn reads_what_it_writes_in_the_order_that_each_field_says() {
        assert_eq!(Mixed::parse(&mut Reader::new("Mixed", &BYTES)), Ok(VALUE));
        let mut out = Vec::new();
        VALUE.emit(&mut Writer::new(&mut out));
        assert_eq!(out, BYTES);
    }

    #[test]
    fn a_view_reads_in_place_and_needs_every_byte() {
        let view = MixedView::peek(&BYTES).unwrap();
        assert_eq!((view.big(), view.little(), view.raw()), (VALUE.big, VALUE.little, VALUE.raw));
        assert_eq!(Mixed::LEN, BYTES.len());
        assert!(MixedView::peek(&BYTES[..8]).is_none());
        assert_eq!(
            Mixed::parse(&mut Reader::new("Mixed", &BYTES[..8])),
            Err(WireError {
                what: "Mixed",
                offset: 0,
                cause: Cause::Truncated { need: 9, have: 8 }
            })
        );
    }
}
