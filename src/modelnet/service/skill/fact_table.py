"""The facts themselves: countries, chemical elements, opposites, young animals."""

CONTINENTS = {
    "Europe": """
        Albania:Tirana Andorra:Andorra_la_Vella Austria:Vienna Belarus:Minsk Belgium:Brussels
        Bulgaria:Sofia Croatia:Zagreb Denmark:Copenhagen Estonia:Tallinn Finland:Helsinki
        France:Paris Germany:Berlin Greece:Athens Hungary:Budapest Iceland:Reykjavik
        Ireland:Dublin Italy:Rome Latvia:Riga Lithuania:Vilnius Malta:Valletta Moldova:Chisinau
        Montenegro:Podgorica Norway:Oslo Poland:Warsaw Portugal:Lisbon Romania:Bucharest
        Serbia:Belgrade Slovakia:Bratislava Slovenia:Ljubljana Spain:Madrid Sweden:Stockholm
        Switzerland:Bern Ukraine:Kyiv
    """,
    "Asia": """
        Afghanistan:Kabul Bangladesh:Dhaka Bhutan:Thimphu Cambodia:Phnom_Penh China:Beijing
        India:New_Delhi Iran:Tehran Iraq:Baghdad Japan:Tokyo Jordan:Amman Kuwait:Kuwait_City
        Kyrgyzstan:Bishkek Laos:Vientiane Lebanon:Beirut Mongolia:Ulaanbaatar Nepal:Kathmandu
        North_Korea:Pyongyang Oman:Muscat Pakistan:Islamabad Qatar:Doha Saudi_Arabia:Riyadh
        South_Korea:Seoul Syria:Damascus Tajikistan:Dushanbe Thailand:Bangkok
        Turkmenistan:Ashgabat Uzbekistan:Tashkent Vietnam:Hanoi
    """,
    "Africa": """
        Algeria:Algiers Angola:Luanda Botswana:Gaborone Burkina_Faso:Ouagadougou Cameroon:Yaounde
        Chad:N'Djamena Eritrea:Asmara Ethiopia:Addis_Ababa Gabon:Libreville Ghana:Accra
        Guinea:Conakry Kenya:Nairobi Liberia:Monrovia Libya:Tripoli Madagascar:Antananarivo
        Malawi:Lilongwe Mali:Bamako Mauritania:Nouakchott Morocco:Rabat Mozambique:Maputo
        Namibia:Windhoek Niger:Niamey Nigeria:Abuja Rwanda:Kigali Senegal:Dakar
        Sierra_Leone:Freetown Somalia:Mogadishu Sudan:Khartoum Togo:Lome Tunisia:Tunis
        Uganda:Kampala Zambia:Lusaka Zimbabwe:Harare
    """,
    "North America": """
        Canada:Ottawa Costa_Rica:San_Jose Cuba:Havana El_Salvador:San_Salvador
        Guatemala:Guatemala_City Haiti:Port-au-Prince Honduras:Tegucigalpa Jamaica:Kingston
        Mexico:Mexico_City Nicaragua:Managua Panama:Panama_City
    """,
    "South America": """
        Argentina:Buenos_Aires Brazil:Brasilia Chile:Santiago Colombia:Bogota Ecuador:Quito
        Guyana:Georgetown Paraguay:Asuncion Peru:Lima Suriname:Paramaribo Uruguay:Montevideo
        Venezuela:Caracas
    """,
    "Oceania": """
        Australia:Canberra Fiji:Suva New_Zealand:Wellington Samoa:Apia Tonga:Nuku'alofa
        Vanuatu:Port_Vila
    """,
}

ELEMENTS = """
    hydrogen:H helium:He lithium:Li beryllium:Be boron:B carbon:C nitrogen:N oxygen:O fluorine:F
    neon:Ne sodium:Na magnesium:Mg aluminium:Al silicon:Si phosphorus:P sulfur:S chlorine:Cl
    argon:Ar potassium:K calcium:Ca titanium:Ti vanadium:V chromium:Cr manganese:Mn iron:Fe
    cobalt:Co nickel:Ni copper:Cu zinc:Zn gallium:Ga germanium:Ge arsenic:As selenium:Se
    bromine:Br krypton:Kr zirconium:Zr palladium:Pd silver:Ag cadmium:Cd tin:Sn antimony:Sb
    iodine:I xenon:Xe caesium:Cs barium:Ba tungsten:W platinum:Pt gold:Au mercury:Hg lead:Pb
    bismuth:Bi radon:Rn radium:Ra thorium:Th uranium:U plutonium:Pu
"""

OPPOSITES = """
    hot:cold big:small tall:short fast:slow good:bad up:down left:right day:night black:white
    young:old rich:poor happy:sad strong:weak light:dark open:closed full:empty wet:dry hard:soft
    early:late high:low near:far thick:thin clean:dirty loud:quiet sweet:sour
    true:false first:last inside:outside front:back win:lose buy:sell push:pull love:hate
    begin:end arrive:depart remember:forget give:take brave:cowardly sharp:blunt deep:shallow
    wide:narrow cheap:expensive easy:difficult safe:dangerous alive:dead asleep:awake
    polite:rude guilty:innocent ancient:modern victory:defeat success:failure friend:enemy
    north:south east:west summer:winter husband:wife king:queen brother:sister entrance:exit
    question:answer above:below before:after always:never more:less many:few same:different
    smooth:rough tight:loose visible:invisible public:private male:female import:export
    increase:decrease minimum:maximum accept:refuse laugh:cry sink:float lend:borrow
    attack:defend create:destroy simple:complicated generous:stingy humble:proud
"""

YOUNG = """
    dog:puppy cat:kitten cow:calf horse:foal sheep:lamb pig:piglet goat:kid duck:duckling
    goose:gosling hen:chick lion:cub deer:fawn frog:tadpole kangaroo:joey swan:cygnet owl:owlet
    eagle:eaglet butterfly:caterpillar
"""
