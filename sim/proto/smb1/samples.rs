//! Messages of each shape.
use crate::proto::Sample;
pub(super) fn samples() -> Vec<Sample> { let mut request =
            b"\x00\x00\x00\x2f\xffSMB\x72\x05\x00\x00\xc0\x18\x01\xc8\x34\x12".to_vec();
        request.extend(b"signme!!\x01\x00\x22\x11\xfe\xca\x44\x33\x66\x55");
        request.extend(b"\x00\x0c\x00\x02NT LM 0.12");
        request.push(0);
        vec![Sample::tcp(request)] }
