;; Distance kernels over an arena of vectors (arena-layout.ts), 128-bit SIMD.
;;
;; A row is stored twice: as 8-bit codes with a scale, for a first look, and as 32-bit floats, for the exact value.
;; "Closeness" is what all kernels give: larger is nearer. dot: the product. l2: minus the squared distance.
;; Rows lie in blocks of 1,024, so that the arena grows without moving anything.
;; Meta of a row, 16 bytes: scale f32, error f32 (norm of what the codes lose; NaN: the row is not there), norm f32, unused.
(module
  (import "arena" "memory" (memory 1 65536 shared))

  (global $rows (mut i32) (i32.const 0))        ;; address of block 0
  (global $blockBytes (mut i32) (i32.const 0))
  (global $codeStride (mut i32) (i32.const 0))  ;; bytes of a row's codes, a multiple of 16
  (global $metaOffset (mut i32) (i32.const 0))
  (global $floatOffset (mut i32) (i32.const 0))
  (global $floatStride (mut i32) (i32.const 0)) ;; bytes of a row's floats, a multiple of 16
  (global $queryCodes (mut i32) (i32.const 0))  ;; the query as 16-bit codes
  (global $queryFloats (mut i32) (i32.const 0)) ;; the query as floats
  (global $weight (mut f32) (f32.const 1))      ;; closeness = weight * dot - penalty * norm^2
  (global $penalty (mut f32) (f32.const 0))
  (global $queryScale (mut f32) (f32.const 0))
  (global $perError (mut f32) (f32.const 0))    ;; how much a unit of a row's error can change the product
  (global $perNorm (mut f32) (f32.const 0))     ;; how much a unit of a row's norm can change it

  (func (export "setup")
    (param i32) (param i32) (param i32) (param i32) (param i32) (param i32) (param i32) (param i32) (param f32) (param f32)
    (global.set $rows (local.get 0)) (global.set $blockBytes (local.get 1)) (global.set $codeStride (local.get 2))
    (global.set $metaOffset (local.get 3)) (global.set $floatOffset (local.get 4)) (global.set $floatStride (local.get 5))
    (global.set $queryCodes (local.get 6)) (global.set $queryFloats (local.get 7))
    (global.set $weight (local.get 8)) (global.set $penalty (local.get 9)))

  (func (export "query") (param f32) (param f32) (param f32)
    (global.set $queryScale (local.get 0)) (global.set $perError (local.get 1)) (global.set $perNorm (local.get 2)))

  (func $block (param $row i32) (result i32)
    (i32.add (global.get $rows) (i32.mul (i32.shr_u (local.get $row) (i32.const 10)) (global.get $blockBytes))))

  (func $codes (param $row i32) (result i32)
    (i32.add (call $block (local.get $row)) (i32.mul (i32.and (local.get $row) (i32.const 1023)) (global.get $codeStride))))

  (func $meta (param $row i32) (result i32)
    (i32.add (i32.add (call $block (local.get $row)) (global.get $metaOffset)) (i32.shl (i32.and (local.get $row) (i32.const 1023)) (i32.const 4))))

  (func $floats (param $row i32) (result i32)
    (i32.add (i32.add (call $block (local.get $row)) (global.get $floatOffset)) (i32.mul (i32.and (local.get $row) (i32.const 1023)) (global.get $floatStride))))

  ;; Product of the query's codes with those at an address.
  (func $product (param $at i32) (result f32)
    (local $query i32) (local $end i32) (local $sum v128) (local $other v128)
    (local.set $query (global.get $queryCodes))
    (local.set $end (i32.add (local.get $at) (global.get $codeStride)))
    (loop $next
      (local.set $sum (i32x4.add (local.get $sum)
        (i32x4.dot_i16x8_s (v128.load8x8_s (local.get $at)) (v128.load (local.get $query)))))
      (local.set $other (i32x4.add (local.get $other)
        (i32x4.dot_i16x8_s (v128.load8x8_s offset=8 (local.get $at)) (v128.load offset=16 (local.get $query)))))
      (local.set $query (i32.add (local.get $query) (i32.const 32)))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $end))))
    (local.set $sum (i32x4.add (local.get $sum) (local.get $other)))
    (local.set $sum (i32x4.add (local.get $sum) (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $sum) (local.get $sum))))
    (f32.convert_i32_s (i32.add (i32x4.extract_lane 0 (local.get $sum)) (i32x4.extract_lane 1 (local.get $sum)))))

  ;; The most that the closeness of a row can be, whatever its codes lost.
  (func $bound (param $codes i32) (param $meta i32) (result f32)
    (local $norm f32)
    (local.set $norm (f32.load offset=8 (local.get $meta)))
    (f32.sub
      (f32.mul (global.get $weight)
        (f32.add
          (f32.mul (f32.mul (call $product (local.get $codes)) (global.get $queryScale)) (f32.load (local.get $meta)))
          (f32.add
            (f32.mul (global.get $perError) (f32.load offset=4 (local.get $meta)))
            (f32.mul (global.get $perNorm) (local.get $norm)))))
      (f32.mul (global.get $penalty) (f32.mul (local.get $norm) (local.get $norm)))))

  ;; Rows of one block, from..to, whose closeness may reach the threshold; writes them at out, gives their number.
  (func (export "scan") (param $from i32) (param $to i32) (param $threshold f32) (param $out i32) (result i32)
    (local $codes i32) (local $meta i32) (local $start i32)
    (local.set $start (local.get $out))
    (local.set $codes (call $codes (local.get $from)))
    (local.set $meta (call $meta (local.get $from)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $from) (local.get $to)))
        (if (f32.ge (call $bound (local.get $codes) (local.get $meta)) (local.get $threshold))
          (then
            (i32.store (local.get $out) (local.get $from))
            (local.set $out (i32.add (local.get $out) (i32.const 4)))))
        (local.set $from (i32.add (local.get $from) (i32.const 1)))
        (local.set $codes (i32.add (local.get $codes) (global.get $codeStride)))
        (local.set $meta (i32.add (local.get $meta) (i32.const 16)))
        (br $next)))
    (i32.shr_u (i32.sub (local.get $out) (local.get $start)) (i32.const 2)))

  ;; The same for a list of rows.
  (func (export "scanList") (param $list i32) (param $count i32) (param $threshold f32) (param $out i32) (result i32)
    (local $start i32) (local $end i32) (local $row i32)
    (local.set $start (local.get $out))
    (local.set $end (i32.add (local.get $list) (i32.shl (local.get $count) (i32.const 2))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $list) (local.get $end)))
        (local.set $row (i32.load (local.get $list)))
        (if (f32.ge (call $bound (call $codes (local.get $row)) (call $meta (local.get $row))) (local.get $threshold))
          (then
            (i32.store (local.get $out) (local.get $row))
            (local.set $out (i32.add (local.get $out) (i32.const 4)))))
        (local.set $list (i32.add (local.get $list) (i32.const 4)))
        (br $next)))
    (i32.shr_u (i32.sub (local.get $out) (local.get $start)) (i32.const 2)))

  ;; Closeness by codes alone, for a list of rows: what walking the graph compares.
  (func (export "near") (param $list i32) (param $count i32) (param $out i32)
    (local $end i32) (local $row i32) (local $meta i32) (local $norm f32)
    (local.set $end (i32.add (local.get $list) (i32.shl (local.get $count) (i32.const 2))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $list) (local.get $end)))
        (local.set $row (i32.load (local.get $list)))
        (local.set $meta (call $meta (local.get $row)))
        (local.set $norm (f32.load offset=8 (local.get $meta)))
        (f32.store (local.get $out)
          (f32.sub
            (f32.mul (global.get $weight) (f32.mul (f32.mul (call $product (call $codes (local.get $row))) (global.get $queryScale)) (f32.load (local.get $meta))))
            (f32.mul (global.get $penalty) (f32.mul (local.get $norm) (local.get $norm)))))
        (local.set $list (i32.add (local.get $list) (i32.const 4)))
        (local.set $out (i32.add (local.get $out) (i32.const 4)))
        (br $next))))

  ;; Makes a row the query of `near`.
  (func (export "queryRow") (param $row i32)
    (local $at i32) (local $end i32) (local $out i32)
    (local.set $at (call $codes (local.get $row)))
    (local.set $end (i32.add (local.get $at) (global.get $codeStride)))
    (local.set $out (global.get $queryCodes))
    (loop $next
      (v128.store (local.get $out) (v128.load8x8_s (local.get $at)))
      (v128.store offset=16 (local.get $out) (v128.load8x8_s offset=8 (local.get $at)))
      (local.set $out (i32.add (local.get $out) (i32.const 32)))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $end))))
    (global.set $queryScale (f32.load (call $meta (local.get $row)))))

  ;; Makes a row the query of `exact`.
  (func (export "queryRowFloats") (param $row i32)
    (memory.copy (global.get $queryFloats) (call $floats (local.get $row)) (global.get $floatStride)))

  ;; Exact closeness for a list of rows. kind 0: dot, 1: minus the squared Euclidean distance, 2: minus the Manhattan distance.
  (func (export "exact") (param $list i32) (param $count i32) (param $out i32) (param $kind i32)
    (local $end i32) (local $at i32) (local $query i32) (local $stop i32) (local $sum v128) (local $gap v128)
    (local.set $end (i32.add (local.get $list) (i32.shl (local.get $count) (i32.const 2))))
    (block $done
      (loop $nextRow
        (br_if $done (i32.ge_u (local.get $list) (local.get $end)))
        (local.set $at (call $floats (i32.load (local.get $list))))
        (local.set $stop (i32.add (local.get $at) (global.get $floatStride)))
        (local.set $query (global.get $queryFloats))
        (local.set $sum (v128.const f32x4 0 0 0 0))
        (if (i32.eqz (local.get $kind))
          (then
            (loop $next
              (local.set $sum (f32x4.add (local.get $sum) (f32x4.mul (v128.load (local.get $at)) (v128.load (local.get $query)))))
              (local.set $query (i32.add (local.get $query) (i32.const 16)))
              (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $stop)))))
          (else
            (loop $next
              (local.set $gap (f32x4.sub (v128.load (local.get $at)) (v128.load (local.get $query))))
              (local.set $sum (f32x4.sub (local.get $sum)
                (if (result v128) (i32.eq (local.get $kind) (i32.const 1))
                  (then (f32x4.mul (local.get $gap) (local.get $gap)))
                  (else (f32x4.abs (local.get $gap))))))
              (local.set $query (i32.add (local.get $query) (i32.const 16)))
              (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $stop))))))
        (f32.store (local.get $out)
          (f32.add
            (f32.add (f32x4.extract_lane 0 (local.get $sum)) (f32x4.extract_lane 1 (local.get $sum)))
            (f32.add (f32x4.extract_lane 2 (local.get $sum)) (f32x4.extract_lane 3 (local.get $sum)))))
        (local.set $list (i32.add (local.get $list) (i32.const 4)))
        (local.set $out (i32.add (local.get $out) (i32.const 4)))
        (br $nextRow)))))
