"""From the names that recordists give files to words that a person would type."""

from __future__ import annotations

import re

from vtacli.training.cleaning import relabelled, unfit

# Music, synthesisers and sung vowels: vta makes effects, and never music that nobody asked for.
_MUSIC = re.compile(
    r"synth|theremin|ramin\b|\b(?!stone|gemstone)\w+tone( |$)|chord|guitar|piano|sitar|\bpad\b|"
    r"groove|goove|riff|"
    r"e funk|street beat|metal beat|arp note|fuzz bass|reso bass|syn (bass|brass|vox)|vocal|"
    r"\bvoice|malevoice|femalevoice|voclong|formant|avocoder|kaos|roland|modulator|multi layered|"
    r"sound collage|strange loop|martin sounds|atmosph|ambient machine|timbale glitch|enotherapy|"
    r"whale fx|gliss analog|laser|plasma|robot|mermaid|zap|scifi|ghost|undead|zombie|entity|alien|"
    r"eviltoy|granular|efx|feedback|movement$|picture|decent|spoke$|yogaballs|truvan|"
    r"digeridoo|digeradoo|violin|cello|sax |flute|khaen|anklung|marimba|kalimba|banjo|harmonica|"
    r"multi|misc|\bsub$|^random|fm laser|laughter|laughing|rebel yell|yelling|scream|cheek|"
    r"resonating|monster|comping|electric noise|clutterstatic|human animals"
)
# Files that were sorted into folders carry the folders' names in front of their own.
_FOLDERS = re.compile(
    r"^(?:(?:clonk(?! ogg)|hits|objects|structures|environment|liquids|animals|disasters|general|"
    r"materials|weapons|blunderbuss|organic(?! hit)|movement(?! step)|action|group|lava|"
    r"fire(?! fire)|soft(?= hit))\s)+"
)
_SPELLING = {
    r" ogg$": "",
    r"\b[a-g][#b]?$": "",  # a series letter or a note name at the end
    r"\b(x|!)$": "",
    r"\bdoor ?slam\w*": "door slam",
    r"closingdoor": "door close",
    r"car ?door\b|cardoor": "car door",
    r"trashcan|garbage ?can|gargabe can": "trash can",
    r"metalhit": "metal hit",
    r"metalscrape": "metal scrape",
    r"metalsqueek|metallic squeek": "metal squeak",
    r"squeel": "squeal",
    r"chriping": "bird chirping",
    r"tinybell": "tiny bell",
    r"wineglass": "wine glass",
    r"waterbubbles": "water bubbles",
    r"watersplash": "water splash",
    r"waterbottle": "water bottle",
    r"glasshit": "glass hit",
    r"glassbeads": "glass beads",
    r"chaindrop": "chain drop",
    r"naildrop": "nail drop",
    r"knifesharpener": "knife sharpen",
    r"liddrop": "lid drop",
    r"lidhit": "lid hit",
    r"bubblewrap": "bubble wrap",
    r"foilcrumble": "foil crumple",
    r"gravelcrunch": "gravel crunch",
    r"shoes in gravel": "footsteps on gravel",
    r"^walking\b": "footsteps walking",
    r"(?<!footsteps )heels on tile": "footsteps heels on tile",
    r"^stomp (train station|up stairs)": r"footsteps stomp \1",
    r"^(movement )?step hard": "footstep on hard ground",
    r"^(movement )?step soft": "footstep on soft ground",
    r"\b(metal|wood) (dull|light) \1\b": r"\2 \1",
    r"\b(glass|metal|wood|rock|fire|plane) \1\b": r"\1",
    r"\bjet ambience": "jet engine",
    r"^sounds ": "",
    r"\bar (fire|burst)": r"gunshot machine gun \1",
    r"(?<!gunshot )(rifle|pistol|shotgun) (small )?fire": r"gunshot \1 fire",
    r"^(cheers|crowd)\b(?! cheering)": r"crowd cheering",
    r"(?<!hand )\bclap$": "hand clap",
    r"birds ?in ?a ?park": "birds singing in a park",
    r"^dog$": "dog bark",
    r"\brain (heavy|medium|light)": r"\1 rain",
    r"liquids stereo rain": "rain",
    r"^map jiggle$": "paper rustle",
    r"^ball bouncing$": "ball bounce",
    r"mooo": "cow moo",
    r"honking": "car horn honk",
    # Words run together, and misspelt.
    r"airblower": "air blower",
    r"aircompressor": "air compressor",
    r"alumin(i?)umhit": r"alumin\1um hit",
    r"(ambient )?policesiren": "police siren",
    r"asprin": "aspirin",
    r"asthmainhaler": "asthma inhaler",
    r"ballbearings?": "ball bearings",
    r"balloon(bass|drumming|rubbing)": r"balloon \1",
    r"\bbarel\b": "barrel",
    r"bowlbang": "bowl bang",
    r"brassbowlhit": "brass bowl hit",
    r"brassbowlsrubbing": "brass bowls rubbing",
    r"bulbpop": "light bulb pop",
    r"bulp": "bulb",
    r"car?boardbox": "cardboard box",
    r"carddeck": "card deck",
    r"ceramictile": "ceramic tile",
    r"chimeballs": "chime balls",
    r"chimes(majsixth|majthird|shortphrase| singlenote)": "chimes",
    r"clothesdryer": "clothes dryer",
    r"coinspin": "coin spin",
    r"cookietinspin": "cookie tin spin",
    r"cookietin": "cookie tin",
    r"crazybreathing": "crazy breathing",
    r"\bcym\b": "cymbal",
    r"cymbolscratch": "cymbal scratch",
    r"drillinginstyrofoam": "drilling in styrofoam",
    r"drymetal": "metal",
    r"fakejungle": "jungle",
    r"(?<!gunshot )fake gunfire": "gunshot fake gunfire",
    r"draggingmetal": "dragging metal",
    r"finyl|vinly": "vinyl",
    r"\bglas\b": "glass",
    r"hallwaynoises": "hallway noises",
    r"hallwaytalking": "hallway talking",
    r"(highfreq|soft|more|loud)metal": r"metal",
    r"hittingscreen": "hitting screen",
    r"hollowhit": "hollow hit",
    r"krinkle": "crinkle",
    r"lockersqueak": "locker squeak",
    r"loudmotor": "loud motor",
    r"machinedrill": "machine drill",
    r"madgong": "gong",
    r"metalichit": "metal hit",
    r"metalpipe": "metal pipe",
    r"metalrumble": "metal rumble",
    r"moremarbles": "marbles",
    r"mouthnoises": "mouth noises",
    r"naturalreverbhit": "natural reverb hit",
    r"packingtape": "packing tape",
    r"pillrattle": "pill rattle",
    r"powerdrill": "power drill",
    r"powertool": "power tool",
    r"\bred bull?\b(?! can)": "red bull can",
    r"rubberband": "rubber band",
    r"sandbag": "sand bag",
    r"scraatch": "scratch",
    r"scrapingstick": "scraping stick",
    r"shortscrape": "scrape short",
    r"(small)?templebell": "temple bell",
    r"spinning(pin|plate|roll)": r"spinning \1",
    r"styrofoamnoises": "styrofoam noises",
    r"tincan": "tin can",
    r"tinfoil": "tin foil",
    r"tinklingchain": "tinkling chain",
    r"trash candragging": "trash can dragging",
    r"tubeblowing": "tube blowing",
    r"waterpump": "water pump",
    r"windup": "wind up",
    r"wirewhisk": "wire whisk",
    r"woodenclaps": "wooden claps",
    r"reverbslap": "reverb slap",
    r"plastic accordian": "plastic accordion",
    r"squiggy perhaps someone chewing": "chewing",
    r"maybe a fryingpan": "frying pan",
    r"woodblocks supposedly": "woodblocks",
    r"marble drop wav": "marble drop",
    r"shakers filtered fromsametrack": "shakers filtered",
    r" verycompressed$": "",
    r"door slam clipped": "door slam",
    r" !$": "",
    # Names of places, and of gear, that say less than what is heard there.
    r"^up stairs$": "footsteps up stairs",
    r"^running echo": "footsteps running echo",
    r"underground ambience": "underground train station",
    r"^stereo rain$|^rain white noise$|^ambient rain$": "rain",
    r"^(subway train b line|boston subway)$": "subway train",
    r"^trunk$": "car trunk close",
    r"^slam (loud|med|soft)$": "slam",
    r"^organic hit$|^projectile hit living$": "body hit",
    r"^outdoors$": "wind outdoors",
    r"^outside boston conservatory$": "city street",
    r"^lath$": "wood lath hit",
    r"^dirt can$": "metal can hit",
    r"^connect$": "click connect",
    r"^pshshsh$": "hiss",
    r"^inflame$": "fire inflame",
    r"^core fossilize$": "stone crack",
    r"^fume$": "puff of smoke",
    r"^chirping$": "bird chirping",
    r"^gallop$": "horse gallop",
    r"^blowout$": "fire blown out",
    r"^(rubber toy short)$": "rubber toy",
    r"^baffle$|^rolling bafle$": "baffle board shaken",
    r"^iron slice$": "blade on iron",
    r"^shimmer$": "glass shimmer",
    r"^wind up long$": "wind up toy",
}


def clean_label(label: str) -> str:
    """Words for a recording's label: spelling mended, series letters and file-name noise gone."""
    text = label.lower().strip()
    if text.endswith(" ogg"):
        text = _FOLDERS.sub("", text)
    for pattern, replacement in _SPELLING.items():
        text = re.sub(pattern, replacement, text).strip()
    return re.sub(r"\s+", " ", text) or label.lower().strip()


def label_of(row: dict[str, str]) -> str:
    """The label of a manifest row: mended by ear where its own misleads, else its own, cleaned."""
    return relabelled().get(row.get("file", "")) or clean_label(row["label"])


def is_effect(row: dict[str, str]) -> bool:
    """Whether a manifest row is by its label a sound effect, of at least 0.1 s; not music."""
    return float(row["seconds"]) >= 0.1 and not _MUSIC.search(row["label"].lower())


def kept(row: dict[str, str]) -> bool:
    """Whether a manifest row is trained on: an effect that was not found unfit."""
    return is_effect(row) and row.get("file") not in unfit()
