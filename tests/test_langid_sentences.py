"""What the shipped model says of sentences that we wrote: the 24 languages, their neighbours, and large languages of the world."""

import pytest

from euro_curate.langid import LangId, gate, guess, guess_document
from euro_curate.languages import languages

OURS = {
    "bul_Cyrl": "Вчера следобед децата играха в парка до реката, докато баба им четеше вестник.",
    "hrv_Latn": "Jučer su djeca tijekom poslijepodneva išla na izlet vlakom, a tko je ostao kod kuće, kuhao je juhu.",
    "ces_Latn": "Včera odpoledne si děti hrály v parku u řeky, zatímco jejich babička četla noviny.",
    "dan_Latn": "I går eftermiddag legede børnene i parken ved åen, mens deres bedstemor læste avisen.",
    "nld_Latn": "Gistermiddag speelden de kinderen in het park bij de rivier, terwijl hun oma de krant las.",
    "eng_Latn": "Yesterday afternoon the children played in the park by the river while their grandmother read the paper.",
    "ekk_Latn": "Eile pärastlõunal mängisid lapsed jõe ääres pargis, samal ajal kui vanaema luges ajalehte.",
    "fin_Latn": "Eilen iltapäivällä lapset leikkivät joen rannalla puistossa, kun isoäiti luki sanomalehteä.",
    "fra_Latn": "Hier après-midi, les enfants ont joué dans le parc près de la rivière pendant que leur grand-mère lisait le journal.",
    "deu_Latn": "Gestern Nachmittag spielten die Kinder im Park am Fluss, während ihre Großmutter die Zeitung las.",
    "ell_Grek": "Χθες το απόγευμα τα παιδιά έπαιζαν στο πάρκο δίπλα στο ποτάμι, ενώ η γιαγιά τους διάβαζε εφημερίδα.",
    "hun_Latn": "Tegnap délután a gyerekek a folyóparti parkban játszottak, miközben a nagymamájuk újságot olvasott.",
    "gle_Latn": "Tráthnóna inné bhí na páistí ag súgradh sa pháirc cois abhann, fad is a bhí a seanmháthair ag léamh an nuachtáin.",
    "ita_Latn": "Ieri pomeriggio i bambini giocavano nel parco vicino al fiume, mentre la nonna leggeva il giornale.",
    "lvs_Latn": "Vakar pēcpusdienā bērni spēlējās parkā pie upes, kamēr viņu vecmāmiņa lasīja avīzi.",
    "lit_Latn": "Vakar po pietų vaikai žaidė parke prie upės, o jų močiutė skaitė laikraštį.",
    "mlt_Latn": "Il-bieraħ wara nofsinhar it-tfal lagħbu fil-park ħdejn ix-xmara waqt li n-nanna tagħhom kienet qed taqra l-gazzetta.",
    "pol_Latn": "Wczoraj po południu dzieci bawiły się w parku nad rzeką, a babcia czytała gazetę.",
    "por_Latn": "Ontem à tarde as crianças brincaram no parque junto ao rio, enquanto a avó lia o jornal.",
    "ron_Latn": "Ieri după-amiază copiii s-au jucat în parcul de lângă râu, în timp ce bunica lor citea ziarul.",
    "slk_Latn": "Včera popoludní sa deti hrali v parku pri rieke, zatiaľ čo ich stará mama čítala noviny.",
    "slv_Latn": "Včeraj popoldne so se otroci igrali v parku ob reki, medtem ko je babica brala časopis.",
    "spa_Latn": "Ayer por la tarde los niños jugaron en el parque junto al río mientras su abuela leía el periódico.",
    "swe_Latn": "I går eftermiddag lekte barnen i parken vid ån medan deras mormor läste tidningen.",
}
OTHERS = {  # none of them may be taken for one of the 24
    "Norwegian": "I går ettermiddag lekte barna i parken ved elva, mens bestemoren deres leste avisen og ventet på oss.",
    "Nynorsk": "I går ettermiddag leika borna i parken ved elva, medan bestemora deira las avisa og venta på oss.",
    "Icelandic": "Í gær léku börnin sér í garðinum við ána á meðan amma þeirra las dagblaðið.",
    "Catalan": "Ahir a la tarda els nens van jugar al parc vora el riu mentre la seva àvia llegia el diari.",
    "Galician": "Onte pola tarde os nenos xogaron no parque a carón do río mentres a súa avoa lía o xornal.",
    "Basque": "Atzo arratsaldean haurrek ibai ondoko parkean jolastu zuten, amonak egunkaria irakurtzen zuen bitartean.",
    "Afrikaans": "Gistermiddag het die kinders in die park langs die rivier gespeel terwyl hulle ouma die koerant gelees het.",
    "Luxembourgish": "Gëschter de Mëtteg hunn d'Kanner am Park bei der Baach gespillt, während hir Boma d'Zeitung gelies huet.",
    "Welsh": "Prynhawn ddoe roedd y plant yn chwarae yn y parc ger yr afon tra oedd eu mam-gu yn darllen y papur newydd.",
    "Albanian": "Dje pasdite fëmijët luajtën në parkun pranë lumit, ndërsa gjyshja e tyre lexonte gazetën.",
    "Macedonian": "Вчера попладне децата си играа во паркот покрај реката, додека баба им го читаше весникот.",
    "Russian": "Вчера днём дети играли в парке у реки, пока их бабушка читала газету.",
    "Ukrainian": "Учора вдень діти гралися в парку біля річки, поки їхня бабуся читала газету.",
    "Turkish": "Dün öğleden sonra çocuklar nehrin yanındaki parkta oynarken büyükanneleri gazete okuyordu.",
    "Azerbaijani": "Dünən günortadan sonra uşaqlar çayın yanındakı parkda oynayırdı, nənələri isə qəzet oxuyurdu.",
    "Kazakh": "Кеше түстен кейін балалар өзен жағасындағы саябақта ойнады, ал әжелері газет оқып отырды.",
    "Indonesian": "Kemarin sore anak-anak bermain di taman dekat sungai sementara nenek mereka membaca koran.",
    "Uzbek": "Kecha tushdan keyin bolalar daryo bo'yidagi bog'da o'ynashdi, buvisi esa gazeta o'qib o'tirdi.",
    "Swahili": "Jana mchana watoto walicheza kwenye bustani karibu na mto wakati bibi yao alikuwa akisoma gazeti.",
    "Somali": "Shalay galabtii carruurtu waxay ku ciyaareen beerta webiga agteeda halka ayeeyadood ay akhrinaysay wargeyska.",
    "Zulu": "Izolo ntambama izingane bezidlala epaki eduze komfula ngenkathi ugogo wazo efunda iphephandaba.",
    "Tagalog": "Kahapon ng hapon naglaro ang mga bata sa parke malapit sa ilog habang nagbabasa ng diyaryo ang kanilang lola.",
    "Vietnamese": "Chiều hôm qua bọn trẻ chơi trong công viên cạnh sông, còn bà của chúng thì ngồi đọc báo.",
    "Esperanto": "Hieraŭ posttagmeze la infanoj ludis en la parko apud la rivero, dum ilia avino legis la gazeton.",
}


@pytest.mark.parametrize("label", OURS)
def test_the_24(label: str) -> None:
    sentence = OURS[label]
    assert guess(sentence, LangId()).language == label
    assert guess(sentence.lower(), LangId()).language == label
    assert guess_document("\n".join([sentence] * 40), LangId()).language == label
    assert gate(sentence, [label], LangId())[1]


def test_all_24_are_here() -> None:
    assert set(OURS) == set(languages())


@pytest.mark.parametrize("name", OTHERS)
def test_others_are_not_let_in(name: str) -> None:
    assert guess(OTHERS[name], LangId()).language not in OURS
    assert guess_document(OTHERS[name] * 30, LangId()).language not in OURS


def test_the_same_answer_every_time() -> None:
    assert [guess(s, LangId()) for s in OURS.values()] == [guess(s, LangId()) for s in OURS.values()]
