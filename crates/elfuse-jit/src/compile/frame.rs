//! One host stack frame for all compiled code of a run.
//!
//! Cranelift gives every function its own frame and has it save the registers that the convention
//! wants kept. Regions jump to one another far too often for that. [`enter`] makes one frame, large
//! enough for any region, and keeps the registers; regions lose their prologues and epilogues.

use std::arch::naked_asm;

use iced_x86::{Code, Instruction, OpKind, Register};

use crate::cpu::Cpu;

/// Bytes of the frame; regions that want more are not used. A multiple of 16.
const FRAME: u64 = 4096;

/// Execute a region that [`share`] prepared; the address to go on at.
///
/// # Safety
/// `entry` is the beginning of such code, and nothing changes it meanwhile.
#[unsafe(naked)]
pub(super) unsafe extern "sysv64" fn enter(cpu: *mut Cpu, entry: u64) -> u64 {
    // Regions return by `mov rsp, rbp; pop rbp; ret`: to the instruction behind the call.
    naked_asm!(
        "push rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "sub rsp, 8",
        "call 2f",
        "add rsp, 8",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
        "2:",
        "push rbp",
        "mov rbp, rsp",
        "sub rsp, {frame}",
        "jmp rsi",
        frame = const FRAME,
    )
}

/// Make Cranelift's code of a region run in the frame of [`enter`]. None if it does not look as
/// expected or needs a larger frame.
pub(super) fn share(code: &[u8]) -> Option<Vec<u8>> {
    let mut shared = code.to_vec();
    let instructions = decode(code);
    let prologue = Prologue::of(&instructions)?;
    if prologue.frame > FRAME {
        return None;
    }
    let mut exits = 0;
    for (index, last) in instructions.iter().enumerate() {
        let short: &[u8] = match last.code() {
            // mov rsp, rbp; pop rbp; ret
            Code::Retnq => &[0x48, 0x89, 0xec, 0x5d, 0xc3],
            Code::Jmp_rm64 if last.op0_kind() == OpKind::Register => {
                &code[last.ip() as usize..last.next_ip() as usize]
            }
            _ => continue,
        };
        let start = prologue.epilogue(&instructions[..index])?;
        shared[start..start + short.len()].copy_from_slice(short);
        exits += 1;
    }
    // Constants behind the code stay where they are relative to it, and aligned.
    let kept = prologue.end & !(ALIGNMENT - 1);
    shared.drain(..kept);
    fill(&mut shared[..prologue.end - kept]);
    (exits > 0).then_some(shared)
}

/// What constants in code need, and `Arena::add` gives.
const ALIGNMENT: usize = 16;

/// Instructions up to the first bytes that are none, which are constants.
fn decode(code: &[u8]) -> Vec<Instruction> {
    let decoder = iced_x86::Decoder::new(64, code, iced_x86::DecoderOptions::NONE);
    decoder
        .into_iter()
        .take_while(|instruction| !instruction.is_invalid())
        .collect()
}

struct Prologue {
    /// Bytes of the frame.
    frame: u64,
    /// Saved registers.
    saved: Vec<Register>,
    /// Length.
    end: usize,
}

impl Prologue {
    fn of(instructions: &[Instruction]) -> Option<Self> {
        let (push, rest) = instructions.split_first()?;
        let (frame_pointer, mut rest) = rest.split_first()?;
        if push.code() != Code::Push_r64
            || push.op0_register() != Register::RBP
            || !is_move(frame_pointer, Register::RBP, Register::RSP)
        {
            return None;
        }
        let (mut frame, mut end) = (0, frame_pointer.next_ip());
        if let Some((sub, others)) = rest.split_first()
            && matches!(sub.code(), Code::Sub_rm64_imm8 | Code::Sub_rm64_imm32)
            && sub.op0_register() == Register::RSP
        {
            (frame, end, rest) = (sub.immediate(1), sub.next_ip(), others);
        }
        let saved: Vec<Register> = rest
            .iter()
            .take_while(|save| {
                save.code() == Code::Mov_rm64_r64
                    && save.memory_base() == Register::RSP
                    && save.memory_index() == Register::None
                    && is_kept(save.op1_register())
            })
            .map(|save| {
                end = save.next_ip();
                save.op1_register()
            })
            .collect();
        Some(Self {
            frame,
            saved,
            end: end as usize,
        })
    }

    /// Where the epilogue begins that ends with these instructions.
    fn epilogue(&self, instructions: &[Instruction]) -> Option<usize> {
        let (pop, rest) = instructions.split_last()?;
        let (frame_pointer, mut rest) = rest.split_last()?;
        if pop.code() != Code::Pop_r64
            || pop.op0_register() != Register::RBP
            || !is_move(frame_pointer, Register::RSP, Register::RBP)
        {
            return None;
        }
        let mut start = frame_pointer.ip();
        if self.frame > 0 {
            let (add, others) = rest.split_last()?;
            if !matches!(add.code(), Code::Add_rm64_imm8 | Code::Add_rm64_imm32)
                || add.op0_register() != Register::RSP
                || add.immediate(1) != self.frame
            {
                return None;
            }
            (start, rest) = (add.ip(), others);
        }
        let (_, restores) = rest.split_at(rest.len().checked_sub(self.saved.len())?);
        for (restore, &register) in restores.iter().zip(&self.saved) {
            if restore.code() != Code::Mov_r64_rm64
                || restore.memory_base() != Register::RSP
                || restore.op0_register() != register
            {
                return None;
            }
        }
        Some(restores.first().map_or(start, Instruction::ip) as usize)
    }
}

fn is_move(instruction: &Instruction, to: Register, from: Register) -> bool {
    matches!(instruction.code(), Code::Mov_rm64_r64 | Code::Mov_r64_rm64)
        && instruction.op0_register() == to
        && instruction.op1_register() == from
}

/// Whether System V functions keep a register.
fn is_kept(register: Register) -> bool {
    use Register::{R12, R13, R14, R15, RBX};
    matches!(register, RBX | R12 | R13 | R14 | R15)
}

/// Fill with instructions that do nothing, few of them.
fn fill(bytes: &mut [u8]) {
    /// `nop word [rax+rax+0]` with as many more prefixes as needed.
    const LONG: [u8; 9] = [0x66, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0];
    for part in bytes.chunks_mut(LONG.len()) {
        match part.len() {
            9 => part.copy_from_slice(&LONG),
            8 => part.copy_from_slice(&[0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0]),
            7 => part.copy_from_slice(&[0x0f, 0x1f, 0x80, 0, 0, 0, 0]),
            6 => part.copy_from_slice(&[0x66, 0x0f, 0x1f, 0x44, 0, 0]),
            5 => part.copy_from_slice(&[0x0f, 0x1f, 0x44, 0, 0]),
            4 => part.copy_from_slice(&[0x0f, 0x1f, 0x40, 0]),
            3 => part.copy_from_slice(&[0x0f, 0x1f, 0]),
            2 => part.copy_from_slice(&[0x66, 0x90]),
            _ => part.fill(0x90),
        }
    }
}
