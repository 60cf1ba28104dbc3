"""C-Eval (Huang et al. 2023, arXiv 2305.08322): Chinese exams in 52 subjects, with four choices a question.

The prompt is that of `ceval-valid` in `lm-evaluation-harness` 0.4.13: a header that names the subject in
Chinese, worked examples (the first of the `dev` split in the same subject), and the letter behind the word
for "answer". The answers of the `test` split are not public, so `val` is measured. The paper shows five
worked examples, so that is the default here; the harness shows none unless it is told to.

On the hub each subject is a configuration of its own. They are read one after the other, as one task;
`config` or `subjects` measures fewer. In local data, a record's subject is the folder that it is in (as on
the hub), a column `subject`, or the beginning of the file's name (`accountant_val.csv`, as in the authors'
archive).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any, ClassVar

from align.core.rows import Message
from align.core.stage import Run
from align.core.validation_errors import did_you_mean
from align.evaluate.subject import Subject
from align.evaluate.task import Item
from align.evaluate.tasks.from_data import text_of
from align.evaluate.tasks.multiple_choice import LETTERS, MultipleChoice, Question, right_choice

SUBJECTS = {
    "computer_network": "计算机网络",
    "operating_system": "操作系统",
    "computer_architecture": "计算机组成",
    "college_programming": "大学编程",
    "college_physics": "大学物理",
    "college_chemistry": "大学化学",
    "advanced_mathematics": "高等数学",
    "probability_and_statistics": "概率统计",
    "discrete_mathematics": "离散数学",
    "electrical_engineer": "注册电气工程师",
    "metrology_engineer": "注册计量师",
    "high_school_mathematics": "高中数学",
    "high_school_physics": "高中物理",
    "high_school_chemistry": "高中化学",
    "high_school_biology": "高中生物",
    "middle_school_mathematics": "初中数学",
    "middle_school_biology": "初中生物",
    "middle_school_physics": "初中物理",
    "middle_school_chemistry": "初中化学",
    "veterinary_medicine": "兽医学",
    "college_economics": "大学经济学",
    "business_administration": "工商管理",
    "marxism": "马克思主义基本原理",
    "mao_zedong_thought": "毛泽东思想和中国特色社会主义理论体系概论",
    "education_science": "教育学",
    "teacher_qualification": "教师资格",
    "high_school_politics": "高中政治",
    "high_school_geography": "高中地理",
    "middle_school_politics": "初中政治",
    "middle_school_geography": "初中地理",
    "modern_chinese_history": "近代史纲要",
    "ideological_and_moral_cultivation": "思想道德修养与法律基础",
    "logic": "逻辑学",
    "law": "法学",
    "chinese_language_and_literature": "中国语言文学",
    "art_studies": "艺术学",
    "professional_tour_guide": "导游资格",
    "legal_professional": "法律职业资格",
    "high_school_chinese": "高中语文",
    "high_school_history": "高中历史",
    "middle_school_history": "初中历史",
    "civil_servant": "公务员",
    "sports_science": "体育学",
    "plant_protection": "植物保护",
    "basic_medicine": "基础医学",
    "clinical_medicine": "临床医学",
    "urban_and_rural_planner": "注册城乡规划师",
    "accountant": "注册会计师",
    "fire_engineer": "注册消防工程师",
    "environmental_impact_assessment_engineer": "环境影响评价工程师",
    "tax_accountant": "税务师",
    "physician": "医师资格",
}
"""The configurations on the hub, and what the header calls each subject."""


class CEval(MultipleChoice):
    """Chinese exam questions: C-Eval, or data of its shape (`question`, `A` to `D`, `answer`)."""

    columns_needed: ClassVar[tuple[str, ...]] = ("question", "A", "B", "C", "D", "answer", "subject")
    default_shots: ClassVar[int] = 5
    by_subject: ClassVar[bool] = True

    path: str = "ceval/ceval-exam"
    split: str = "val"
    shots_split: str = "dev"
    subjects: list[str] = []
    """Subjects that are measured, such as `accountant`; left out, all 52."""

    def problems(self, folder: Path) -> Iterable[tuple[str, str]]:
        """Refuse a subject that C-Eval does not have."""
        yield from super().problems(folder)
        for subject in self.subjects:
            if subject not in SUBJECTS:
                yield "subjects", f"C-Eval has no subject {subject!r}{did_you_mean(subject, SUBJECTS)}"

    def records(
        self, run: Run, path: str, split: str, config: str | None = None
    ) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Yield the records of the subjects that are measured, each with its subject."""
        local = self.local(run, path)
        wanted = self.subjects or ([self.config] if self.config else list(SUBJECTS))
        of_subjects = self._configurations(local, wanted)
        for subject in of_subjects or [None]:
            for record, place in super().records(run, path, split, subject):
                if not isinstance(record, Mapping):
                    yield record, place
                    continue
                named = subject or self._named(record, place)
                if named in wanted or named not in SUBJECTS:
                    yield ({"subject": named, **record} if named else record), place

    def _configurations(self, local: Path | None, wanted: Sequence[str]) -> list[str]:
        """Return the subjects that are read one by one; none where all are in one file or folder."""
        if local is None or (local / "README.md").is_file():
            return list(wanted)
        return [subject for subject in wanted if (local / subject).is_dir()]

    def _named(self, record: Mapping[str, Any], place: Mapping[str, Any]) -> str:
        """Return a record's subject: of its column, or of the name of its file, `accountant_val.csv`."""
        column = self.columns.get("subject", "subject")
        by_file = PurePath(str(place.get("file", ""))).name.partition(".")[0].rpartition("_")[0]
        return str(record.get(column) or (by_file if by_file in SUBJECTS else ""))

    def read(self, record: Mapping[str, Any]) -> Question:
        """Return the question of a record."""
        choices = tuple(text_of(record, letter, "choice") for letter in LETTERS[:4])
        right = right_choice(record.get("answer"), choices)
        return Question(text_of(record, "question"), choices, (right,), text_of(record, "subject"))

    def item(self, id_: str, record: Mapping[str, Any]) -> Item:
        """Return the question as an item in Chinese."""
        return replace(super().item(id_, record), language="zh")

    def header(self, question: Question) -> str:
        """Name the subject in Chinese, where it is one of C-Eval's."""
        subject = SUBJECTS.get(question.subject, question.subject)
        return f"以下是中国关于{subject}的单项选择题，请选出其中的正确答案。\n\n"  # noqa: RUF001

    def asks(self, question: Question) -> str:
        """Return the question with its choices, and what the answer stands behind."""
        return f"{question.text.strip()}\n{question.listed()}\n答案："  # noqa: RUF001

    def dialogue(self, item: Item, model: Subject) -> list[Message] | str:
        """Ask in the same Chinese words in a chat and in a text."""
        return self.context(item, model)
